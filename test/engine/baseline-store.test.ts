import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Baseline } from "../../src/engine/baseline.ts";
import {
  baselineFolder,
  baselineName,
  chooseBaseline,
  readBaselines,
  saveBaseline,
} from "../../src/engine/baseline-store.ts";
import { UserError } from "../../src/engine/errors.ts";
import { put, tempDir } from "../facts/sandbox.ts";
import { baselineOf, measureOf } from "./baseline-sides.ts";

const MEASURES = [measureOf("startup", [1, 2, 3, 4, 5]), measureOf("rss", [7, 7, 7])];
const one = (at: string, version: string | null, name: string | null = null): Baseline =>
  baselineOf(MEASURES, { at, name, host: { version, source: "openclaw --version" } });

const OLD = one("2026-01-01T00:00:00.000Z", "2026.5.22", "good");
const MIDDLE = one("2026-02-01T00:00:00.000Z", "2026.5.22");
const NEW = one("2026-03-01T00:00:00.000Z", "2026.9.6");
const stored = { baselines: [NEW, MIDDLE, OLD], unreadable: [] };

describe("a baseline on the disk", () => {
  test("is read as it was written, newest first, by its owner only, and leaves no draft", () => {
    const stateDir = tempDir();
    const files = [MIDDLE, NEW, OLD].map((baseline) => saveBaseline(stateDir, baseline));
    expect(files.map((file) => path.relative(stateDir, file))[1]).toBe(
      path.join("vitals", "baselines", "2026-03-01T00-00-00-000Z-2026.9.6.json"),
    );
    expect(readBaselines(stateDir)).toEqual(stored);
    const folder = baselineFolder(stateDir);
    expect(readdirSync(folder)).toHaveLength(3);
    if (process.platform === "win32") return;
    for (const dir of [folder, path.dirname(folder)]) expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("of a version nobody knows has a name too", () => {
    expect(path.basename(saveBaseline(tempDir(), one(OLD.at, null)))).toMatch(/Z-unknown\.json$/);
    expect(path.basename(saveBaseline(tempDir(), one(OLD.at, "../x")))).toMatch(/Z-\.\._x\.json$/);
  });

  test("cannot be written where there is no folder to be made", () => {
    const stateDir = tempDir();
    put(path.join(stateDir, "vitals"));
    expect(() => saveBaseline(stateDir, OLD)).toThrow(UserError);
    expect(readFileSync(path.join(stateDir, "vitals"), "utf8")).toBe("");
  });

  test.skipIf(process.platform === "win32")("is not written through a link out of the state dir", () => {
    const [stateDir, elsewhere] = [tempDir(), tempDir()];
    symlinkSync(elsewhere, path.join(stateDir, "vitals"));
    expect(() => saveBaseline(stateDir, OLD)).toThrow(UserError);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("its figures are told from its samples", () => {
    const stateDir = tempDir();
    const file = saveBaseline(stateDir, OLD);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll('"median": 3', '"median": 3000'));
    expect(readBaselines(stateDir).baselines).toEqual([OLD]);
  });

  test("none yet is no problem; other files are no baselines, and those that look like one are named", () => {
    const stateDir = tempDir();
    expect(readBaselines(stateDir)).toEqual({ baselines: [], unreadable: [] });
    expect(existsSync(path.join(stateDir, "vitals"))).toBe(false);
    const folder = baselineFolder(stateDir);
    const name = (n: number): string => `2026-01-0${n}T00-00-00-000Z-2026.5.22.json`;
    put(path.join(folder, "notes.txt"), "{}");
    const text = (change: object): string => JSON.stringify({ ...OLD, ...change });
    const broken = [
      "{",
      "null",
      text({ schemaVersion: 2 }),
      text({ at: "yesterday" }),
      text({ measures: [{ ...MEASURES[0], samples: [] }] }),
      text({ measures: [{ ...MEASURES[0], samples: [-1] }] }),
      text({ measures: [{ ...MEASURES[0], unit: "bytes" }] }),
      text({ name: "\u001b[31m" }),
    ];
    for (const [n, content] of broken.entries()) put(path.join(folder, name(n + 1)), content);
    mkdirSync(path.join(folder, name(9)));
    const { baselines, unreadable } = readBaselines(stateDir);
    expect(baselines).toEqual([]);
    expect(unreadable).toHaveLength(9);
  });
});

describe("which one is compared with", () => {
  test.each([
    ["the newest of another version", null, "2026.9.6", MIDDLE],
    ["the newest of another version, also when that is a newer one", null, "2026.5.22", NEW],
    ["by its name", "good", "2026.9.6", OLD],
    ["by its version", "2026.9.6", "2026.9.6", NEW],
  ])("%s", (_how, name, version, expected) => {
    expect(chooseBaseline(stored, name, version)).toBe(expected);
  });

  test("the newest, when there is no other version", () => {
    expect(chooseBaseline({ baselines: [MIDDLE, OLD], unreadable: [] }, null, "2026.5.22")).toBe(MIDDLE);
  });

  test("none: what to do about it", () => {
    const failure = (name: string | null, baselines: readonly Baseline[]): unknown => {
      try {
        return chooseBaseline({ baselines, unreadable: [] }, name, null);
      } catch (error) {
        return error;
      }
    };
    const remedy = expect.stringContaining("openclaw-vitals baseline save");
    expect(failure(null, [])).toMatchObject({ message: "There is no baseline yet.", remedy });
    expect(failure("mine", [])).toMatchObject({ message: "There is no baseline yet.", remedy });
    expect(failure("mine", stored.baselines)).toMatchObject({
      message: 'There is no baseline "mine".',
      remedy: "There are: 2026.9.6, 2026.5.22, good.",
    });
  });

  test("names", () => {
    expect(baselineName(undefined)).toBeNull();
    for (const name of ["before-update", "2026.5.22", "a_1"]) expect(baselineName(name)).toBe(name);
    for (const name of ["", "../x", "a b", "-x", ".x", "x".repeat(65), "a\u0007"])
      expect(() => baselineName(name)).toThrow(UserError);
  });
});
