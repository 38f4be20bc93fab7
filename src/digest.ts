/**
 * Digests and random names. `node:crypto` takes as long to load as a state dir to be looked at, and a look needs none of
 * it: so it is loaded when it is first used.
 */
const crypto = () => process.getBuiltinModule("node:crypto");

/** SHA-256 of these bytes, or of a text's UTF-8, in 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return crypto().hash("sha256", data, "hex");
}

/** Random hexadecimal digits, two for each byte. */
export function randomHex(bytes: number): string {
  return crypto().randomBytes(bytes).toString("hex");
}
