import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { randomHex } from "../digest.ts";
import { realPath } from "../facts/paths.ts";
import { BASELINE_SCHEMA, type Baseline, MEASURES, type Measure } from "./baseline.ts";
import { interquartileRange, median } from "./baseline-statistics.ts";
import { makePrivateDir, syncDirectory } from "./disk.ts";
import { errorCode, UserError } from "./errors.ts";
import { inFolder, makeFoldersIn } from "./pinned-folder.ts";
import { draftPath, writeDurably } from "./replace-file.ts";

/** A file with some dozens of samples per measure has some kilobytes. */
const MAX_BYTES = 1_000_000;
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;
/** `2026-11-21T16-30-05-123Z-2026.9.6.json` */
const FILE = /^\d{4}-\d\d-\d\dT[\d-]+Z-[\w.-]+\.json$/;

/** What is kept in a state dir, newest first, and the files that are no baselines. */
export interface StoredBaselines {
  readonly baselines: readonly Baseline[];
  readonly unreadable: readonly string[];
}

/** @throws UserError when the user cannot call a baseline so. */
export function baselineName(name: string | undefined): string | null {
  if (name === undefined || NAME.test(name)) return name ?? null;
  throw new UserError(
    `A baseline cannot be called "${name}".`,
    "Use letters, digits, dots, dashes and underscores, 64 at most.",
  );
}

export function baselineFolder(stateDir: string): string {
  return path.join(stateDir, "vitals", "baselines");
}

/**
 * Writes a baseline as a file of its own, readable by its owner only; there is all of it or nothing.
 * @returns its path.
 * @throws UserError when it cannot be written.
 */
export function saveBaseline(stateDir: string, baseline: Baseline): string {
  const folder = baselineFolder(realPath(stateDir));
  makePrivateDir(path.dirname(folder));
  makeFoldersIn(path.dirname(folder), path.basename(folder));
  const stamp = baseline.at.replace(/[:.]/g, "-");
  const version = (baseline.host.version ?? "unknown").replace(/[^\w.-]/g, "_");
  const file = path.join(folder, `${stamp}-${version}.json`);
  const draft = draftPath(file, randomHex(6), 1);
  try {
    writeDurably(draft, Buffer.from(`${JSON.stringify(baseline, null, 2)}\n`));
    inFolder(folder, ({ at }) => renameSync(at(path.basename(draft)), at(path.basename(file))));
    syncDirectory(folder);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new UserError(
      `The baseline could not be written to ${folder} (${errorCode(error) ?? "unknown error"}).`,
      "Run as the user that owns the state directory, on a writable disk with room.",
    );
  }
  return file;
}

/** @throws UserError when there is a folder that cannot be read. */
export function readBaselines(stateDir: string): StoredBaselines {
  const folder = baselineFolder(stateDir);
  const baselines: Baseline[] = [];
  const unreadable: string[] = [];
  for (const name of list(folder).filter((one) => FILE.test(one))) {
    const read = readBaseline(path.join(folder, name));
    if (read === null) unreadable.push(name);
    else baselines.push(read);
  }
  return { baselines: baselines.sort((a, b) => (a.at < b.at ? 1 : -1)), unreadable };
}

/**
 * The baseline to compare with: the newest of this name or this version; without a name the newest of another version
 * than the one given, else the newest of all.
 * @throws UserError when there is none.
 */
export function chooseBaseline({ baselines }: StoredBaselines, name: string | null, version: string | null): Baseline {
  if (name !== null) {
    const found = baselines.find((one) => one.name === name || one.host.version === name);
    if (found !== undefined) return found;
  }
  const known = [...new Set(baselines.flatMap((one) => [one.name, one.host.version]).filter((one) => one !== null))];
  const found = baselines.find((one) => one.host.version !== version) ?? baselines[0];
  if (name === null && found !== undefined) return found;
  throw new UserError(
    name === null || known.length === 0 ? "There is no baseline yet." : `There is no baseline "${name}".`,
    name === null || known.length === 0
      ? "Save one before the next update: `openclaw-vitals baseline save`."
      : `There are: ${known.join(", ")}.`,
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw new UserError(
      `${folder} cannot be read (${errorCode(error) ?? "unknown error"}).`,
      "Run as the user that owns the state directory.",
    );
  }
}

/** Null when it is no baseline this version can read. Never follows a link. */
function readBaseline(file: string): Baseline | null {
  let fd: number | null = null;
  try {
    fd = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_BYTES) return null;
    const value: unknown = JSON.parse(readFileSync(fd, "utf8"));
    return isBaseline(value) ? { ...value, measures: value.measures.map(recounted) } : null;
  } catch {
    return null;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** Middle and spread are told from the samples, so that a file that was edited cannot say two things. */
function recounted(measure: Measure): Measure {
  const { samples } = measure;
  return {
    ...measure,
    n: samples.length,
    median: median(samples),
    spread: interquartileRange(samples),
    max: Math.max(...samples),
  };
}

function isBaseline(value: unknown): value is Baseline {
  const { schemaVersion, name, at, host, machine, measures, notMeasured } = Object(value);
  return (
    schemaVersion === BASELINE_SCHEMA &&
    (name === null || (typeof name === "string" && NAME.test(name))) &&
    typeof at === "string" &&
    !Number.isNaN(Date.parse(at)) &&
    isTextOrNull(Object(host).version) &&
    Object(machine) === machine &&
    Array.isArray(measures) &&
    measures.every(isMeasure) &&
    Array.isArray(notMeasured) &&
    notMeasured.every((one) => typeof Object(one).id === "string" && typeof Object(one).why === "string")
  );
}

function isMeasure(value: unknown): boolean {
  const { id, unit, source, samples, machine, atRest } = Object(value);
  return (
    MEASURES.some((kind) => kind.id === id && kind.unit === unit) &&
    typeof source === "string" &&
    typeof atRest === "boolean" &&
    isNumbers(samples) &&
    samples.length > 0 &&
    isNumbers(machine)
  );
}

function isNumbers(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= 1000 &&
    value.every((one) => typeof one === "number" && Number.isFinite(one) && one >= 0)
  );
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}
