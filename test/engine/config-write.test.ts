/** Writing a config file: whole or not at all, only over what was read, and back again. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { writeConfig } from "../../src/engine/config-write.ts";
import { readJournal } from "../../src/engine/journal.ts";
import type { StepHook } from "../../src/engine/put-back.ts";
import { newRunId, openQuarantine } from "../../src/engine/quarantine.ts";
import { readStoredFile } from "../../src/engine/replace-file.ts";
import { finishInterrupted } from "../../src/engine/settle.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { temporaryFolder } from "./sandbox.ts";

// biome-ignore lint/suspicious/noTemplateCurlyInString: a config refers to the environment like this
const BEFORE = '{\r\n  // keep me\r\n  a: "${SECRET}",\r\n}\r\n';
const AFTER = BEFORE.replace("keep me", "kept");
const fine = (): null => null;

function config(text = BEFORE) {
  const stateDir = temporaryFolder();
  const file = path.join(stateDir, "openclaw.json");
  writeFileSync(file, text);
  chmodSync(file, 0o640);
  const run = newRunId();
  const write = async (
    { verify = fine, onStep }: { verify?: () => string | null; onStep?: StepHook } = {},
    before = readStoredFile(file),
  ) => {
    const quarantine = openQuarantine(stateDir, run, { onStep });
    try {
      return await writeConfig(
        { files: [{ before, text: AFTER }], locks: [`${file}.lock`], changes: ["lowered it"], verify },
        { run, fixId: "x", checkId: "vitals/x", findingId: "f", quarantine },
      );
    } finally {
      quarantine.close();
    }
  };
  const text_ = (): string => readFileSync(file, "utf8");
  const undo = () => undoRun(stateDir, run).map(({ status, reason }) => [status, reason ?? ""].join(" ").trim());
  const phases = (): string[] => readJournal(stateDir).map(({ phase }) => phase);
  return { stateDir, file, run, write, text: text_, undo, phases, names: () => readdirSync(stateDir).sort() };
}

describe("a config file", () => {
  test("is written whole with its mode, nothing is left beside it, and undo brings every byte back", async () => {
    const { file, write, text, undo, names, stateDir } = config();
    expect(await write()).toEqual({ status: "repaired", changes: ["lowered it"] });
    expect(text()).toBe(AFTER);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(names()).toEqual(["openclaw.json", "vitals"]);
    const kept = history(stateDir)[0]?.repairs[0];
    expect(kept).toMatchObject({ canUndo: true, state: "done", path: file });
    expect(statSync(kept?.keptAt ?? "").mode & 0o777).toBe(0o600);
    expect(undo()).toEqual(["restored"]);
    expect(text()).toBe(BEFORE);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(undo()).toEqual([]);
  });

  test("behind a link: the link stays, its target is written", async () => {
    const { stateDir, write, file } = config();
    const link = path.join(stateDir, "link.json");
    symlinkSync(file, link);
    expect(await write({}, readStoredFile(link))).toMatchObject({ status: "repaired" });
    expect(readFileSync(link, "utf8")).toBe(AFTER);
    expect(existsSync(file)).toBe(true);
  });

  test("changed by somebody since it was read stays as it is", async () => {
    const { file, write, text, undo, names } = config();
    const onStep: StepHook = (step) => step === "look again" && writeFileSync(file, "{}");
    expect(await write({ onStep })).toEqual({ status: "failed", reason: "it was changed since it was read" });
    expect(text()).toBe("{}");
    expect(names()).toEqual(["openclaw.json", "vitals"]);
    expect(undo()).toEqual([]);
  });

  test("that is not as intended after all is rolled back", async () => {
    const { write, text, phases } = config();
    expect(await write({ verify: () => "it reads otherwise" })).toEqual({
      status: "failed",
      reason: "it reads otherwise; rolled back",
    });
    expect(text()).toBe(BEFORE);
    expect(phases()).toEqual(["intent", "kept"]);
  });

  test("is not written while another process has the host's lock, and ours is gone afterwards", async () => {
    const { file, write, text } = config();
    writeFileSync(`${file}.lock`, "{}");
    expect(await write()).toMatchObject({ status: "skipped", reason: expect.stringContaining("another process") });
    expect(text()).toBe(BEFORE);
    expect(readFileSync(`${file}.lock`, "utf8")).toBe("{}");
  });

  test("is written under the host's lock, which names us", async () => {
    const { file, write } = config();
    let lock: unknown;
    const onStep: StepHook = (step) => {
      if (step === "replace") lock = JSON.parse(readFileSync(`${file}.lock`, "utf8"));
    };
    expect(await write({ onStep })).toMatchObject({ status: "repaired" });
    expect(lock).toMatchObject({ pid: process.pid, createdAt: expect.any(String) });
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  test("edited since the repair is not taken back; the old content is named", async () => {
    const { file, write, text, undo, stateDir } = config();
    await write();
    writeFileSync(file, "{ mine: true }");
    expect(undo()).toEqual([expect.stringMatching(/^skipped it was changed since; its old content is kept at /)]);
    expect(text()).toBe("{ mine: true }");
    expect(readFileSync(history(stateDir)[0]?.repairs[0]?.keptAt ?? "", "utf8")).toBe(BEFORE);
  });

  test.each(["keep a copy", "write draft", "look again", "replace", "replaced"])(
    "a run that ends at `%s` for a full disk loses nothing",
    async (at) => {
      const { write, text, phases, names } = config();
      const onStep: StepHook = (step) => {
        if (step === at) throw Object.assign(new Error("full"), { code: "ENOSPC" });
      };
      const outcome = await write({ onStep });
      expect(outcome.status).toBe("failed");
      expect([BEFORE, AFTER]).toContain(text());
      expect(phases()[0]).toBe("intent");
      expect(names()).toEqual(["openclaw.json", "vitals"]);
    },
  );

  test.each([
    [AFTER, "done", AFTER],
    [BEFORE, "kept", BEFORE],
    ["{}", "kept", "{}"],
  ])("a killed run is settled by what the file holds", async (now, phase, left) => {
    const { file, write, stateDir, text, names } = config();
    await write();
    const journal = path.join(stateDir, "vitals", "journal.jsonl");
    writeFileSync(journal, `${readFileSync(journal, "utf8").split("\n")[0]}\n`); // only the intent got to the disk
    writeFileSync(file, now);
    writeFileSync(path.join(stateDir, `.openclaw.json.vitals-${history(stateDir)[0]?.run}-1`), "half");
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(history(stateDir)[0]?.repairs[0]?.state).toBe(phase);
    expect(text()).toBe(left);
    expect(names()).toEqual(["openclaw.json", "vitals"]);
  });

  test("whose undo was killed is taken back when asked again, and the history then says so", async () => {
    const { stateDir, file, run, write, text, names } = config();
    await write();
    const die: StepHook = (step) => {
      if (step === "look again") throw new Error("killed");
    };
    const draft = path.join(stateDir, `.openclaw.json.vitals-${run}-1`);
    expect(undoRun(stateDir, run, undefined, die)).toMatchObject([{ status: "failed" }]);
    writeFileSync(draft, "half");
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect([existsSync(draft), history(stateDir)[0]?.repairs[0]?.state]).toEqual([false, "done"]);
    writeFileSync(draft, "half");
    expect(undoRun(stateDir, run)).toMatchObject([{ status: "restored" }]);
    expect([text(), names()]).toEqual([BEFORE, ["openclaw.json", "vitals"]]);

    await write();
    writeFileSync(file, BEFORE); // an undo that was killed before it could say so
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(history(stateDir)[0]?.repairs.at(-1)?.state).toBe("undone");
    expect(finishInterrupted(stateDir, false)).toBe(0);
  });

  test("of another state dir, of which this is a copy, is not touched by undo", async () => {
    const { write, stateDir, run, text } = config();
    await write();
    const copy = temporaryFolder();
    mkdirSync(path.join(copy, "vitals"));
    writeFileSync(
      path.join(copy, "vitals", "journal.jsonl"),
      readFileSync(path.join(stateDir, "vitals", "journal.jsonl")),
    );
    expect(undoRun(copy, run)).toMatchObject([{ status: "failed", reason: expect.stringContaining("another state") }]);
    expect(text()).toBe(AFTER);
  });

  test("and another are written together or not at all", async () => {
    const { stateDir, file, run } = config();
    const other = path.join(stateDir, "included.json");
    writeFileSync(other, "{}");
    const write = async (onStep: StepHook, verify: () => string | null = fine) => {
      const quarantine = openQuarantine(stateDir, run, { onStep });
      const files = [file, other].map((one) => ({ before: readStoredFile(one), text: AFTER }));
      try {
        const parts = { run, fixId: "x", checkId: "vitals/x", findingId: "f", quarantine };
        return await writeConfig({ files, locks: [], changes: ["both"], verify }, parts);
      } finally {
        quarantine.close();
      }
    };
    const texts = () => [file, other].map((one) => readFileSync(one, "utf8"));
    let drafts = 0;
    const second: StepHook = (step) => {
      if (step === "write draft" && ++drafts === 2) throw Object.assign(new Error("full"), { code: "ENOSPC" });
    };
    expect(await write(second)).toEqual({
      status: "failed",
      reason: "it could not be written: ENOSPC; rolled back",
    });
    expect(texts()).toEqual([BEFORE, "{}"]);
    expect(
      await write(
        () => {},
        () => "no",
      ),
    ).toEqual({ status: "failed", reason: "no; rolled back; rolled back" });
    expect(texts()).toEqual([BEFORE, "{}"]);
    expect(await write(() => {})).toEqual({ status: "repaired", changes: ["both"] });
    expect(texts()).toEqual([AFTER, AFTER]);
    expect(undoRun(stateDir, run).map(({ status }) => status)).toEqual(["restored", "restored"]);
    expect(texts()).toEqual([BEFORE, "{}"]);
  });
});
