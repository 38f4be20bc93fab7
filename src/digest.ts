/**
 * Digests and random names. Imported like other modules, `node:crypto` is loaded with all it can do (WebCrypto too), which
 * takes as long as half of a run that finds nothing; here it is loaded when it is first needed, and no more of it.
 */
const crypto = () => process.getBuiltinModule("node:crypto");

/** SHA-256 of these bytes, or of a text's UTF-8, in 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return crypto().createHash("sha256").update(data).digest("hex");
}

/** Random hexadecimal digits, two for each byte. */
export function randomHex(bytes: number): string {
  return crypto().randomBytes(bytes).toString("hex");
}
