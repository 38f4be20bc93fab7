/**
 * Something the user can mend: printed as message and remedy, without a stack trace, exit code 2.
 * Anything else that is thrown is a defect of this program.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** The `code` of a system error (`ENOENT`, …), or undefined. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** One line about an unknown error, without stack and control characters. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").slice(0, 300);
}
