import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { Ajv } from "ajv";
import { afterAll, describe, expect, test } from "vitest";
import { catalogue, loadCheck, loadFix } from "../src/engine/catalogue.ts";
import { defaultPolicy } from "../src/engine/policy.ts";
import { type Facts, gatherFacts } from "../src/facts/facts.ts";
import { packageFile } from "../src/package.ts";
import { withGateway } from "./engine/imagined-gateway.ts";
import { leak, random } from "./engine/memory-noise.ts";

const ids = catalogue().map((entry) => entry.id);
const fixIds = [...new Set(catalogue().flatMap((entry) => entry.fix?.id ?? []))];
const schema = JSON.parse(readFileSync(packageFile("docs/manifest.schema.json"), "utf8"));
const sandbox = mkdtempSync(path.join(os.tmpdir(), "vitals-catalogue-"));

afterAll(() => rmSync(sandbox, { recursive: true, force: true }));

/** Names of a folder's files, without this ending. */
function namesIn(folder: string, ending: string): string[] {
  return readdirSync(packageFile(folder)).map((name) => (name.endsWith(ending) ? name.slice(0, -ending.length) : name));
}

describe("manifest.json", () => {
  test("is valid against its schema", () => {
    const validate = new Ajv({ allErrors: true }).compile(schema);
    validate(JSON.parse(readFileSync(packageFile("manifest.json"), "utf8")));
    expect(validate.errors ?? []).toEqual([]);
  });

  test("names each check once", () => {
    expect(ids).toEqual([...new Set(ids)]);
  });

  test.each([
    ["checks", ".ts", ids],
    ["fixes", ".ts", fixIds],
    ["docs/checks", ".md", ids],
    ["test/checks", ".test.ts", ids],
  ])("%s holds exactly what it names", (folder, ending, expected) => {
    expect(namesIn(folder, ending).sort()).toEqual([...expected].sort());
  });
});

describe.each(catalogue())("check $id", ({ id, fix, needs }) => {
  test("has a module of that id, and so has its fix", async () => {
    expect((await loadCheck(id)).id).toBe(id);
    if (fix !== null) expect((await loadFix(fix.id)).id).toBe(fix.id);
  });

  test("has fixtures and a page that begins with its id", () => {
    const fixtures = packageFile(`test/fixtures/${id}`);
    expect(existsSync(fixtures) && readdirSync(fixtures).length, `files in ${fixtures}`).toBeTruthy();
    expect(readFileSync(packageFile(`docs/checks/${id}.md`), "utf8")).toMatch(new RegExp(`^# ${id}\n`));
  });

  test("its page can be read in a terminal of 80 columns", () => {
    const lines = readFileSync(packageFile(`docs/checks/${id}.md`), "utf8").split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test("reads the facts it says it needs, and no others", async () => {
    const check = await loadCheck(id);
    const used = new Set<string>();
    // Each branch may need other facts: both eras, with and without a lock, a transcript and an owner.
    for (const hostVersion of ["2026.5.22", "2026.9.6"]) {
      for (const stateDir of [plant("empty", []), plant("locked", LOCKS), plant("endless", [], ENDLESS)]) {
        await check.run(recorded(gatherFacts({ stateDir, hostVersion, env: {} }), used), defaultPolicy);
      }
      const empty = gatherFacts({ stateDir: plant("empty", []), hostVersion, env: {} });
      await check.run(recorded(withGateway(empty, LEAKING), used), defaultPolicy);
    }
    // Whether a lock is held too long cannot be seen on Windows, and so nobody asks who holds it.
    const blind = process.platform === "win32" && id === "stale-lock";
    expect([...used].sort()).toEqual(needs.filter((fact) => !blind || fact !== "gateway").sort());
  });
});

const FACTS: readonly string[] = schema.properties.checks.items.properties.needs.items.enum;

/** A gateway with a finding. */
const LEAKING = { ring: leak(random(1), { length: 60, rate: 60, beside: "none" }) };

/** A config with a finding of each kind. */
const ENDLESS = { agents: { defaults: { timeoutSeconds: 0, runRetries: { min: 64, max: 160 } } } };

/** The same facts; those a check can name in `needs` are noted when it reads them. */
function recorded(facts: Facts, used: Set<string>): Facts {
  return new Proxy(facts, {
    get(target, name, receiver) {
      if (typeof name === "string" && FACTS.includes(name)) used.add(name);
      return Reflect.get(target, name, receiver);
    },
  });
}

interface PlantedLock {
  readonly session: string;
  readonly transcript: boolean;
  readonly text: () => string;
  /** Held open by this process. */
  readonly held?: boolean;
}

const LOCKS: readonly PlantedLock[] = [
  { session: "dead-with-transcript", transcript: true, text: deadOwner },
  { session: "dead-without-transcript", transcript: false, text: deadOwner },
  { session: "empty", transcript: true, text: () => "" },
  { session: "overdue", transcript: true, text: ownLock, held: true },
];

function deadOwner(): string {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  return JSON.stringify({ pid, createdAt: new Date().toISOString() });
}

function ownLock(): string {
  return JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString(), maxHoldMs: 1 });
}

/** A state dir with these locks, made once, older than any grace. */
function plant(name: string, locks: readonly PlantedLock[], config?: object): string {
  const stateDir = path.join(sandbox, name);
  if (existsSync(stateDir)) return stateDir;
  const sessions = path.join(stateDir, "agents", "main", "sessions");
  mkdirSync(sessions, { recursive: true });
  if (config !== undefined) writeFileSync(path.join(stateDir, "openclaw.json"), JSON.stringify(config));
  const past = new Date(Date.now() - 3_600_000);
  for (const { session, transcript, text, held } of locks) {
    const file = path.join(sessions, `${session}.jsonl`);
    if (transcript) writeFileSync(file, "{}\n");
    writeFileSync(`${file}.lock`, text());
    utimesSync(`${file}.lock`, past, past);
    if (held) openSync(`${file}.lock`, "r");
  }
  if (locks.length > 0) {
    const { uid } = os.userInfo();
    for (const name of ["openclaw.json.lock", `tmp/${uid < 0 ? "openclaw" : `openclaw-${uid}`}/gateway.state.lock`]) {
      const file = path.join(stateDir, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, "");
      utimesSync(file, past, past);
    }
  }
  return stateDir;
}
