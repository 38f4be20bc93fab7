/** The last line of a terminal, which says what is waited for. */
export interface StatusLine {
  /** Whether there is one: only on a terminal. */
  readonly shown: boolean;
  /** @param text gets the width of the terminal. */
  show(text: (columns: number) => string): void;
  /** To be called before anything else is written. */
  clear(): void;
}

/** One line that is written over; nothing into a pipe or a file. */
export function openStatusLine(stream: NodeJS.WriteStream, wanted: boolean): StatusLine {
  const shown = wanted && stream.isTTY === true;
  let there = false;
  return {
    shown,
    show(text) {
      if (!shown) return;
      stream.write(text(stream.columns || 80));
      there = true;
    },
    clear() {
      if (there) stream.write("\r\x1b[2K");
      there = false;
    },
  };
}
