/** How far apart two looks at a lock are, in milliseconds. */
export const PAUSES = {
  /** Before the second look at a lock without a readable owner: a host may be writing it just now. */
  secondLook: 120,
  /** A holder closes the file first and removes it then: this long a pause shows whether it was just doing so. */
  release: 150,
} as const;

/** Those in use: tests that do not depend on them make them short. */
export const pauses: { -readonly [Name in keyof typeof PAUSES]: number } = { ...PAUSES };
