import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { catalogue } from "../../src/engine/catalogue.ts";
import type { GatewayProbe } from "../../src/facts/vital-signs.ts";
import { packageFile } from "../../src/package.ts";
import { type MetricsInput, renderLabels, renderPrometheus } from "../../src/report/prometheus.ts";
import type { SharedDiagnosis } from "../../src/report/shared.ts";
import type { Vitals } from "../../src/report/vitals.ts";
import { cli } from "../cli/terminal.ts";
import { brokenState } from "../facts/sandbox.ts";

const ALERTS = "docs/prometheus/alerts.yml";
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

const NONE: Vitals = {
  gateway: null,
  probe: null,
  limits: null,
  log: null,
  stability: null,
  life: null,
  rssBytes: null,
  slope: null,
  maxDelayMs: { readyz: null, sampler: null },
  missing: [],
};

const PROBE: GatewayProbe = {
  gateway: { pid: 7, startTicks: 1, createdAtMs: 1, lockPath: "/x", port: 1, ownsPort: true },
  atMs: 1,
  rssBytes: 512_000_000,
  health: { kind: "answered", ms: 12, status: 200 },
  ready: {
    kind: "answered",
    ms: 14,
    status: 200,
    figures: { ready: true, uptimeMs: 9, degraded: false, maxDelayMs: 1504, p99DelayMs: 20, utilization: 0.6 },
  },
  silent: null,
};

function input(more: Partial<MetricsInput> = {}): MetricsInput {
  const diagnosis = {
    schemaVersion: 1,
    ok: true,
    checksRun: 2,
    checksSkipped: 0,
    findings: [],
    tool: { name: "openclaw-vitals", version: "0.1.0" },
    host: { version: "2026.5.22", source: "" },
    timings: { total: 12.5, "stale-lock": 3.1 },
  } as unknown as SharedDiagnosis;
  return { diagnosis, vitals: NONE, locks: [], lastRepairMs: null, nowMs: 1_000_500, ...more };
}

interface Parsed {
  readonly help: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, string>;
  /** By name and labels as written. */
  readonly samples: ReadonlyMap<string, number>;
}

/** Reads the exposition format by its rules. @throws for a line that breaks one. */
function parse(text: string): Parsed {
  expect(text.endsWith("\n")).toBe(true);
  const help = new Set<string>();
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  const closed = new Set<string>();
  let current = "";
  const enter = (name: string, line: string): void => {
    if (name !== current && closed.has(name)) throw new Error(`lines of ${name} are not together: ${line}`);
    if (name !== current) closed.add(current);
    current = name;
  };
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, word, name = "", rest = ""] = comment;
      enter(name, line);
      const known = word === "HELP" ? help.has(name) : types.has(name);
      if (known || samples.has(name)) throw new Error(`said twice, or after a sample: ${line}`);
      if (word === "HELP") help.add(name);
      else types.set(name, rest);
      continue;
    }
    const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\\\|\\"|\\n)*"`;
    const sample = new RegExp(
      String.raw`^([a-zA-Z_:][\w:]*)(\{${label}(?:,${label})*\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$`,
    ).exec(line);
    if (sample === null) throw new Error(`neither comment nor sample: ${line}`);
    const [, name = "", labels = "", value] = sample;
    enter(name, line);
    if (!types.has(name) || !help.has(name)) throw new Error(`no TYPE or HELP before ${line}`);
    if (samples.has(name + labels)) throw new Error(`twice: ${line}`);
    samples.set(name + labels, Number(value));
  }
  return { help, types, samples };
}

describe("our reader of the format", () => {
  test.each([
    ["a_metric 1"],
    ["# HELP a b\n# TYPE a gauge\na{b=c} 1"],
    ['# HELP a b\n# TYPE a gauge\na{b="c"d"} 1'],
    ['# HELP a b\n# TYPE a gauge\na{b="\\x"} 1'],
    ["# HELP a b\n# TYPE a gauge\na 1\na 2"],
    ["# HELP a b\n# TYPE a gauge\na undefined"],
    ['# HELP a b\n# TYPE a gauge\na 1\n# HELP b b\n# TYPE b gauge\nb 1\na{x="y"} 1'],
    ["# HELP a b\n# TYPE a gauge\na 1\n# TYPE a gauge"],
  ])("refuses %j", (text) => {
    expect(() => parse(`${text}\n`)).toThrow();
  });
});

describe("metrics", () => {
  test("what could not be measured is left out, what is known is there in base units", () => {
    const bare = parse(renderPrometheus(input()));
    expect([...bare.samples.keys()].filter((name) => /gateway|loop|repair|slope/.test(name))).toEqual([]);
    const limits = { group: { bytes: 9, source: "" }, host: { totalBytes: 1, availableBytes: 1 }, heapBytes: null };
    const vitals: Vitals = {
      ...NONE,
      probe: PROBE,
      limits,
      rssBytes: PROBE.rssBytes,
      slope: { estimate: 1234.5, lower: 1000, upper: 2000 },
      maxDelayMs: { readyz: 1504, sampler: 137_036 },
    };
    const { samples } = parse(renderPrometheus(input({ vitals, lastRepairMs: 2000 })));
    expect(Object.fromEntries(samples)).toMatchObject({
      'openclaw_vitals_info{version="0.1.0",openclaw_version="2026.5.22"}': 1,
      openclaw_vitals_last_run_timestamp_seconds: 1000.5,
      openclaw_vitals_run_duration_seconds: 0.0125,
      'openclaw_vitals_check_duration_seconds{check="stale-lock"}': 0.0031,
      openclaw_vitals_healthy: 1,
      'openclaw_vitals_findings{check="stale-lock",severity="error"}': 0,
      openclaw_vitals_gateway_answers: 1,
      openclaw_vitals_gateway_answer_seconds: 0.012,
      'openclaw_vitals_event_loop_delay_max_seconds{source="readyz"}': 1.504,
      'openclaw_vitals_event_loop_delay_max_seconds{source="sampler"}': 137.036,
      openclaw_vitals_gateway_resident_memory_bytes: 512_000_000,
      'openclaw_vitals_gateway_resident_memory_slope_bytes_per_second{bound="estimate"}': 1234.5,
      'openclaw_vitals_gateway_resident_memory_slope_bytes_per_second{bound="lower"}': 1000,
      openclaw_vitals_gateway_memory_limit_bytes: 9,
      openclaw_vitals_last_repair_timestamp_seconds: 2,
    });
  });

  test("a gateway that is silent answers 0", () => {
    const probe: GatewayProbe = { ...PROBE, health: { kind: "silent", ms: 3000, status: null } };
    const { samples } = parse(renderPrometheus(input({ vitals: { ...NONE, probe } })));
    expect(samples.get("openclaw_vitals_gateway_answers")).toBe(0);
  });

  test("label values are escaped", () => {
    expect(renderLabels({ a: 'b\\"\n' })).toBe(String.raw`{a="b\\\"\n"}`);
    expect(renderLabels({})).toBe("");
  });

  test("of a real look: every check and verdict has its series", async () => {
    const { stateDir } = brokenState(["one", "two"]);
    const { code, stdout } = await cli(
      ["--format", "prometheus", "--state-dir", stateDir, "--host-version", "2026.4.15"],
      {},
    );
    expect(code).toBe(1);
    const { samples, types, help } = parse(stdout);
    expect([...help]).toEqual([...types.keys()]);
    expect(new Set(types.values())).toEqual(new Set(["gauge"]));
    expect(samples.get('openclaw_vitals_findings{check="stale-lock",severity="error"}')).toBe(2);
    expect(samples.get('openclaw_vitals_locks{kind="session",verdict="gone"}')).toBe(2);
    expect(samples.get('openclaw_vitals_locks{kind="gateway",verdict="held"}')).toBe(0);
    const inFindings = catalogue().filter(({ id }) =>
      samples.has(`openclaw_vitals_findings{check="${id}",severity="warning"}`),
    );
    const inTimes = catalogue().filter(({ id }) =>
      samples.has(`openclaw_vitals_check_duration_seconds{check="${id}"}`),
    );
    // Of a check that did not run, nothing is said.
    expect(inFindings.map(({ id }) => id)).toEqual(inTimes.map(({ id }) => id));
    expect(inTimes.map(({ id }) => id)).not.toContain("stranded-lease");
    expect(inTimes.length).toBeGreaterThan(5);
    if (hasPromtool) {
      const checked = spawnSync("promtool", ["check", "metrics"], { input: stdout, encoding: "utf8" });
      expect(checked.stdout + checked.stderr).toBe("");
    }
  });
});

describe("alert rules", () => {
  const text = readFileSync(packageFile(ALERTS), "utf8");

  test("ask only for metrics there are", () => {
    const vitals: Vitals = {
      ...NONE,
      probe: PROBE,
      limits: { group: { bytes: 9, source: "" }, host: { totalBytes: 1, availableBytes: 1 }, heapBytes: null },
      rssBytes: 1,
      slope: { estimate: 1, lower: 1, upper: 1 },
      maxDelayMs: { readyz: 1, sampler: 1 },
    };
    const locks = [{ kind: "session", verdict: "gone", count: 1 }] as const;
    const { types } = parse(renderPrometheus(input({ vitals, locks, lastRepairMs: 1 })));
    const asked = [...new Set(text.match(/openclaw_vitals_\w+/g))];
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((name) => !types.has(name))).toEqual([]);
  });

  test("checks and verdicts in them exist", () => {
    const checks = [...text.matchAll(/check="([\w-]+)"/g)].map(([, check]) => check);
    expect(checks.filter((check) => !catalogue().some(({ id }) => id === check))).toEqual([]);
    const verdicts = [...text.matchAll(/verdict=~?"([\w|-]+)"/g)].flatMap(([, found = ""]) => found.split("|"));
    expect(verdicts.length).toBeGreaterThan(0);
    for (const verdict of verdicts) expect(["gone", "leaked", "overdue", "unknown", "no-file"]).toContain(verdict);
  });

  test.skipIf(!hasPromtool)("promtool takes them (skipped where it is not installed)", () => {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", packageFile(ALERTS)], {
      encoding: "utf8",
    });
    expect({ status, out: stdout + stderr }).toMatchObject({ status: 0, out: expect.stringMatching(/SUCCESS/) });
  });
});
