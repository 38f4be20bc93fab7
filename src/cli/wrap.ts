import { wrapAnsi } from "fast-wrap-ansi";

/** Wider lines are hard to read, however wide the terminal is. */
const WIDEST = 100;
/** Narrower ones are worse than what the terminal makes of them. */
const NARROWEST = 30;
/** Lines of a diff are to be copied as they are. */
const VERBATIM = /^ {4}(?:[-+ ]|@@)/;

/** What stands between backticks is a command to be copied, and is not broken either. */
const COMMAND = /`[^`]+`/g;
/** No space to those who break lines. */
const HARD_SPACE = "\u{f0020}";

/**
 * Breaks lines between words for a terminal; what follows is indented. A word that is too long, such as a path, stays
 * whole: the terminal folds it, and it can be copied.
 * @param columns width of the terminal; undefined when there is none, and nothing is broken.
 */
export function wrap(text: string, columns: number | undefined): string {
  if (columns === undefined || columns < NARROWEST) return text;
  const width = Math.min(columns, WIDEST);
  return text
    .split("\n")
    .map((line) => wrapLine(line, width))
    .join("\n");
}

function wrapLine(line: string, width: number): string {
  if (line.length <= width || VERBATIM.test(line)) return line;
  const indent = line.length - line.trimStart().length;
  const text = line.slice(indent).replace(COMMAND, (command) => command.replaceAll(" ", HARD_SPACE));
  const lines = wrapAnsi(text, width - indent - 2)
    .replaceAll(HARD_SPACE, " ")
    .split("\n");
  return lines.map((part, index) => " ".repeat(index === 0 ? indent : indent + 2) + part).join("\n");
}

/** The width of a stream; undefined when it is no terminal. */
export function columnsOf({ isTTY, columns }: NodeJS.WriteStream): number | undefined {
  return isTTY ? columns : undefined;
}
