import { styleText } from "node:util";

/** Where a command reads and writes: data on stdout, everything else on stderr. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
  /** As of the process. */
  on?(signal: "SIGINT", listener: () => void): unknown;
  off?(signal: "SIGINT", listener: () => void): unknown;
  exit?(code: number): never;
}

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Control and format characters: escape sequences begin with one, and others turn the direction of a line. */
const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Colours for one stream; none into a pipe, with NO_COLOR or when not wanted. */
export function painter(stream: NodeJS.WriteStream, wanted: boolean): Paint {
  if (!wanted) return (_style, text) => text;
  return (style, text) => styleText(style, text, { stream });
}

/** Whether a person can be asked: one who sees everything that is written, on a terminal that can be drawn on. */
export function canAsk(terminal: Terminal, nonInteractive: boolean): boolean {
  return terminal.stdin.isTTY === true && terminal.stdout.isTTY === true && canDraw(terminal, nonInteractive);
}

/** Whether what was written to stderr may be drawn over. */
export function canDraw({ stderr, env }: Terminal, nonInteractive: boolean): boolean {
  const automated = env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false";
  return (
    !nonInteractive &&
    !automated &&
    env["OPENCLAW_UPDATE_IN_PROGRESS"] !== "1" &&
    env["TERM"] !== "dumb" &&
    stderr.isTTY === true
  );
}

/** The width of a stream; undefined when it is no terminal. */
export function columnsOf({ isTTY, columns }: NodeJS.WriteStream): number | undefined {
  return isTTY ? columns : undefined;
}

/**
 * A document as JSON on one line. What JSON leaves as it is although it can move a cursor or turn a line around is
 * escaped, too.
 */
export function toJson(document: unknown): string {
  const text = JSON.stringify(document);
  // Nearly all documents are plain, and to see that takes a tenth of looking for each character.
  if (!/[^ -~]/.test(text)) return text;
  return text.replace(HIDDEN, (character) =>
    Array.from({ length: character.length }, (_, at) => {
      return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}

/** File names and messages may hold control characters: none reaches the terminal. */
export function plain(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
