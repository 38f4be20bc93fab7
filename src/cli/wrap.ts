import { stripVTControlCharacters } from "node:util";
import { wrapAnsi } from "fast-wrap-ansi";

/** Wider lines are hard to read, however wide the terminal is. */
const WIDEST = 120;
/** Narrower ones are worse than what the terminal makes of them. */
const NARROWEST = 30;
/** Lines as deep as those of a diff are to be copied as they are. */
const VERBATIM = /^ {6}/;
/** What stands between backticks is a command to be copied, and is not broken either. */
const COMMAND = /`[^`]+`/g;
/** No space to those who break lines. */
const HARD_SPACE = "\u{f0020}";
/** A first column, as in a list of commands with what they do. */
const COLUMN = /^ *\S+(?: \S+)* {2,}(?=\S)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const INDENT = /^((?:\u001b\[[\d;]*m)*)( *)/;

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
  const shown = stripVTControlCharacters(line);
  if (shown.length <= width || VERBATIM.test(shown)) return line;
  const column = (line === shown && COLUMN.exec(line)?.[0]) || "";
  const inColumns = column.length >= 20 && column.length <= width / 2;
  const [indent = "", , spaces = ""] = INDENT.exec(line) ?? [];
  const [head, hang] = inColumns ? [column, column.length] : [indent, spaces.length + 2];
  const text = line.slice(head.length).replace(COMMAND, (command) => command.replaceAll(" ", HARD_SPACE));
  const parts = wrapAnsi(text, width - hang)
    .replaceAll(HARD_SPACE, " ")
    .split("\n");
  return parts.map((part, index) => (index === 0 ? head : " ".repeat(hang)) + part).join("\n");
}
