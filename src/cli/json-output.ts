import { once } from "node:events";
import { toJson } from "./terminal.ts";

/** So many items of a list become one piece of text. */
const BATCH = 32;

/**
 * Writes a document as one line of JSON. A hundred thousand findings never stand in memory as one text: pieces are made
 * as fast as the reader takes them, and no more once it went away.
 */
export async function writeJson(stream: NodeJS.WritableStream, document: unknown): Promise<void> {
  for (const piece of pieces(document)) {
    if (!stream.writable) return;
    if (!stream.write(piece)) await readyAgain(stream);
  }
}

/** Together what `JSON.stringify` makes of it, and a line end. */
function* pieces(document: unknown): Iterable<string> {
  if (!isPlain(document) || Object.values(document).every((value) => !isLong(value))) {
    yield `${toJson(document)}\n`;
    return;
  }
  let before = "{";
  for (const [key, value] of Object.entries(document)) {
    if (value === undefined) continue;
    before += `${toJson(key)}:`;
    if (isLong(value)) {
      before += "[";
      for (let at = 0; at < value.length; at += BATCH) {
        yield before + toJson(value.slice(at, at + BATCH)).slice(1, -1);
        before = ",";
      }
      before = "],";
    } else before += `${toJson(value)},`;
  }
  yield `${before.replace(/,$/, "")}}\n`;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("toJSON" in value);
}

function isLong(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > BATCH;
}

/** A reader that goes away closes the stream; then there is nothing to wait for. */
async function readyAgain(stream: NodeJS.WritableStream): Promise<void> {
  const done = new AbortController();
  const events = ["drain", "close"].map((event) => once(stream, event, { signal: done.signal }));
  await Promise.race(events).catch(() => {});
  done.abort();
  await Promise.allSettled(events);
}
