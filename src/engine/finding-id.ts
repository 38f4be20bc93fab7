import { createHash } from "node:crypto";
import path from "node:path";

/** The stable fingerprint of a finding, which a fix finds its subject by and a policy silences it by. */
export function findingId(checkId: string, stateDir: string, file?: string, identity = ""): string {
  return fingerprint(checkId, file === undefined ? "" : path.relative(stateDir, file), identity);
}

/** 12 hexadecimal digits, the same for the same texts. */
export function fingerprint(...parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 12);
}
