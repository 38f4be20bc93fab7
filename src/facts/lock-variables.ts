import { readFileSync, statSync } from "node:fs";
import path from "node:path";

const NAME = /^OPENCLAW_SESSION_WRITE_LOCK_[A-Z_]+$/;
const LINE = /^\s*(?:export\s+)?(OPENCLAW_SESSION_WRITE_LOCK_[A-Z_]+)\s*[=:]\s*(.*?)\s*$/;
const MAX_BYTES = 1_048_576;

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
    const stat = statSync(file);
    return stat.isFile() && stat.size <= MAX_BYTES ? readFileSync(file, "utf8").split(/\r?\n/) : [];
  } catch {
    return [];
  }
}
