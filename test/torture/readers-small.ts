/** Readers of files that are rarely there or rarely changed: each has a small share of the cases. */
import { strict as assert } from "node:assert";
import path from "node:path";
import fc from "fast-check";
import { MEASURES } from "../../src/engine/baseline.ts";
import { baselineFolder, readBaselines } from "../../src/engine/baseline-store.ts";
import { UserError } from "../../src/engine/errors.ts";
import { readPolicy } from "../../src/engine/policy-sources.ts";
import { readAuthProfiles } from "../../src/facts/auth-profiles.ts";
import { readAuthStore } from "../../src/facts/auth-store.ts";
import { readStability } from "../../src/facts/stability.ts";
import { assertSound, fixtures, put, type Reader } from "./reader.ts";

const NOW = Date.parse("2026-11-21T12:00:00.000Z");

const sampleOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value, null, 2));

// ---- stability records, sign-ins, baselines, policies

const bundle = (rss: readonly number[]) => ({
  version: 1,
  generatedAt: new Date(NOW).toISOString(),
  process: { pid: 7, uptimeMs: 60_000 },
  snapshot: {
    events: rss.map((rssBytes, n) => ({ ts: NOW + n, type: "diagnostic.memory.sample", memory: { rssBytes } })),
  },
});

const stability: Reader = {
  name: "stability record",
  share: 10,
  samples: [sampleOf(bundle([1, 2, 3]))],
  made: fc.array(fc.nat()).map((rss) => ({ text: JSON.stringify(bundle(rss)), says: rss })),
  read(bytes, dir) {
    put(path.join(dir, "logs", "stability", "openclaw-stability-2026-x.json"), bytes);
    const { files, memory } = readStability(dir);
    assertSound(memory);
    return files.length === 0 ? null : { says: memory.map(({ rssBytes }) => rssBytes) };
  },
};

const profile = fc.record({ provider: fc.constantFrom("anthropic", "openai", "Z.AI"), key: fc.constantFrom("", "x") });

const signIns: Reader = {
  name: "auth profiles",
  share: 10,
  samples: fixtures("retry-ceiling", /^auth/),
  made: fc.array(profile, { maxLength: 5 }).map((all) => ({
    text: JSON.stringify({ profiles: Object.fromEntries(all.map((one, n) => [`p${n}`, { type: "api_key", ...one }])) }),
    says: all.map(({ key }) => key !== ""),
  })),
  async read(bytes, dir) {
    put(path.join(dir, "agents", "main", "agent", "auth-profiles.json"), bytes);
    const { store, problems } = await readAuthStore(path.join(dir, "agents", "main", "agent"));
    assertSound(store.profiles);
    assertSound(store.order);
    const counted = await readAuthProfiles({ stateDir: dir, config: {}, env: { HOME: dir }, confined: false });
    assertSound(counted.byAgent);
    return problems.length === 0 ? { says: [...store.profiles.values()].map(({ usable }) => usable) } : null;
  },
};

const baseline = (samples: readonly number[]) => ({
  schemaVersion: 1,
  name: "before",
  at: "2026-11-21T12:00:00.000Z",
  host: { version: "2026.5.22", source: "package.json" },
  tool: { name: "openclaw-vitals", version: "0.1.0" },
  machine: { platform: "linux", arch: "x64", cpus: 2, node: "v24" },
  gatewayUptimeMs: null,
  measures: MEASURES.slice(0, 2).map(({ id, unit }) => ({ id, unit, source: "x", samples, machine: [], atRest: true })),
  notMeasured: [],
});

const baselines: Reader = {
  name: "baseline",
  share: 10,
  samples: [sampleOf(baseline([1, 2, 3.5]))],
  made: fc.array(fc.nat(), { minLength: 1, maxLength: 9 }).map((samples) => ({
    text: JSON.stringify(baseline(samples)),
    says: [Math.max(...samples), Math.max(...samples)],
  })),
  read(bytes, dir) {
    put(path.join(baselineFolder(dir), "2026-11-21T12-00-00-000Z-2026.5.22.json"), bytes);
    const { baselines: read } = readBaselines(dir);
    assertSound(read.map(({ measures }) => measures));
    return read.length === 0 ? null : { says: read[0]?.measures.map(({ max }) => max) };
  },
};

const graceSeconds = fc.integer({ min: 5, max: 86_400 });

function policy(extension: "json" | "yaml", textOf: (seconds: number) => string): Reader {
  return {
    name: `policy, ${extension}`,
    share: extension === "json" ? 3 : 2,
    samples: [
      Buffer.from(textOf(60)),
      Buffer.from('checks: { stale-lock: { severity: "off" } }\nrepair:\n  allow: [safe, confirm]\n'),
      sampleOf({ autoHeal: "off", silence: [{ check: "stale-lock", until: "2026-12-01", reason: "x" }] }),
      Buffer.from("a: &a [1, 2]\nb: &b [*a, *a]\nc: [*b, *b]\nsilence: *b\n"),
    ],
    made: graceSeconds.map((seconds) => ({ text: textOf(seconds), says: seconds })),
    async read(bytes, dir) {
      const named = put(path.join(dir, `vitals.config.${extension}`), bytes);
      try {
        const { policy: read } = await readPolicy({ stateDir: dir, file: named }, NOW);
        assertSound(read);
        return { says: read.locks.graceSeconds };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        assert.ok(error.message.includes(named) && error.remedy !== "");
        return null;
      }
    },
  };
}

export const SMALL_READERS: readonly Reader[] = [
  stability,
  signIns,
  baselines,
  policy("json", (seconds) => JSON.stringify({ locks: { graceSeconds: seconds } })),
  policy("yaml", (seconds) => `locks:\n  graceSeconds: ${seconds} # yes\n`),
];
