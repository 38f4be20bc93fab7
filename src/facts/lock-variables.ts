import path from "node:path";
import { readRegularFile } from "./regular-file.ts";

const NAME = /^OPENCLAW_SESSION_WRITE_LOCK_[A-Z_]+$/;
const LINE = /^\s*(?:export\s+)?(OPENCLAW_SESSION_WRITE_LOCK_[A-Z_]+)\s*[=:]\s*(.*?)\s*$/;
const MAX_BYTES = 1_048_576;
const MAX_LINE = 1000;

/** Variables about write locks as the host would see them, those that win first. */
export type LockVariables = readonly {
  readonly name: string;
  readonly value: string;
  /** Where it was found, for people. */
  readonly source: string;
  /** The file it is in, null for this process's environment. */
  readonly file: string | null;
}[];

/** Reads the environment and `.env` of the state dir; no other variable is looked at. Never throws. */
export function readLockVariables(stateDir: string, env: NodeJS.ProcessEnv): LockVariables {
  const own = Object.entries(env).flatMap(([name, value]) =>
    NAME.test(name) && value?.trim() ? [{ name, value, source: "the environment", file: null }] : [],
  );
  const file = path.join(stateDir, ".env");
  const written = lines(file).flatMap((line) => {
    const [, name, text] = LINE.exec(line) ?? [];
    const value = text?.replace(/^(["'`])(.*)\1.*$/, "$2").replace(/\s+#.*$/, "") ?? "";
    return name === undefined || value.trim() === "" ? [] : [{ name, value, source: file, file }];
  });
  // The last line with a name is the one that counts.
  return [...own, ...written.reverse()];
}

function lines(file: string): string[] {
  try {
    const text = readRegularFile(file, MAX_BYTES).bytes.toString("utf8");
    // Of a longer line the patterns would take minutes.
    return text.split(/\r?\n/).filter((line) => line.length <= MAX_LINE);
  } catch {
    return [];
  }
}
