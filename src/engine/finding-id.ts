import path from "node:path";

/** The stable fingerprint of a finding, which a fix finds its subject by and a policy silences it by. */
export function findingId(checkId: string, stateDir: string, file?: string, identity = ""): string {
  return fingerprint(checkId, file === undefined ? "" : placeIn(stateDir, file), identity);
}

function placeIn(stateDir: string, file: string): string {
  const inside = file.startsWith(stateDir) && file[stateDir.length] === path.sep;
  return inside ? file.slice(stateDir.length + 1) : path.relative(stateDir, file);
}

/**
 * 12 hexadecimal digits, the same for the same texts. They tell findings apart and protect nothing, so they need no
 * cryptography, which takes longer to load than all the rest of a run: two sums as of MurmurHash3, mixed at the end.
 */
export function fingerprint(...parts: readonly string[]): string {
  const text = parts.join("\0");
  let [a, b] = [0x3c6ef372, 0x1b873593];
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  const [mixedA, mixedB] = [mixed(a) ^ b, mixed(b) ^ a];
  return (hex(mixed(mixedA)) + hex(mixed(mixedB))).slice(0, 12);
}

/** Every bit of the number makes a difference to all bits of the result. */
function mixed(sum: number): number {
  const once = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

/** In halves: V8 writes small integers in a third of the time that it takes for others. */
function hex(sum: number): string {
  return half(sum >>> 16) + half(sum & 0xffff);
}

function half(bits: number): string {
  return bits.toString(16).padStart(4, "0");
}
