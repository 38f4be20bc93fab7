import path from "node:path";
import { sha256 } from "../digest.ts";

/** The stable fingerprint of a finding, which a fix finds its subject by and a policy silences it by. */
export function findingId(checkId: string, stateDir: string, file?: string, identity = ""): string {
  return fingerprint(checkId, file === undefined ? "" : path.relative(stateDir, file), identity);
}

/** 12 hexadecimal digits, the same for the same texts. */
export function fingerprint(...parts: readonly string[]): string {
  return sha256(parts.join("\0")).slice(0, 12);
}
