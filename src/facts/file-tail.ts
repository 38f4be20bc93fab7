import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** How many bytes may still be read, over all files it is given for. */
export interface ReadBudget {
  left: number;
}

const CHUNK = 65_536;
/** Longer lines are passed over: nothing of use is that long, and memory stays small. */
const MAX_LINE = 65_536;
const NEWLINE = 0x0a;

/**
 * The lines of a file from its end backwards, whatever its size: no more is read than the budget has left, and no more
 * than the caller takes. A first line that the budget cuts, empty lines and overlong ones are left out. Ends at once for
 * what is no regular file or cannot be read; never blocks on a FIFO.
 */
export function* linesFromEnd(file: string, budget: ReadBudget): Generator<string, void> {
  const fd = open(file);
  if (fd === null) return;
  try {
    const stat = fstatSync(fd);
    if (stat.isFile()) yield* backwards(fd, stat.size, budget);
  } catch {
    // taken away while it was read
  } finally {
    closeSync(fd);
  }
}

function* backwards(fd: number, size: number, budget: ReadBudget): Generator<string, void> {
  const chunk = Buffer.alloc(CHUNK);
  let rest = Buffer.alloc(0); // the end of a line whose beginning is not read yet
  let overlong = false;
  for (let position = size; position > 0 && budget.left > 0; ) {
    const wanted = Math.min(CHUNK, position, budget.left);
    position -= wanted;
    budget.left -= wanted;
    if (readSync(fd, chunk, 0, wanted, position) < wanted) return; // cut short by its owner
    let bytes = chunk.subarray(0, wanted);
    if (overlong) {
      const end = bytes.lastIndexOf(NEWLINE);
      if (end < 0) continue;
      bytes = bytes.subarray(0, end);
      overlong = false;
    }
    let text = Buffer.concat([bytes, rest]);
    for (let at = text.lastIndexOf(NEWLINE); at >= 0; at = text.lastIndexOf(NEWLINE)) {
      const line = decode(text.subarray(at + 1));
      text = text.subarray(0, at);
      if (line !== "") yield line;
    }
    overlong = text.length > MAX_LINE;
    rest = overlong ? Buffer.alloc(0) : text;
    const first = position === 0 ? decode(rest).replace(/^\uFEFF/, "") : "";
    if (first !== "") yield first;
  }
}

function decode(bytes: Buffer): string {
  return bytes.length > MAX_LINE ? "" : bytes.toString("utf8").replace(/\r$/, "");
}

function open(file: string): number | null {
  try {
    return openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch {
    return null;
  }
}
