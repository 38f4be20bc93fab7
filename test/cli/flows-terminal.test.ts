/** The commands that ask nothing, on real terminals of both widths: what is said last, and the terminal as it was. */
import { describe, expect, test } from "vitest";
import { deadPayload, makeSandbox } from "../engine/sandbox.ts";
import { hasTmux } from "../hosts/harness/terminal.ts";
import { onTerminal } from "./on-terminal.ts";

const HOST = ["--host-version", "2026.5.22"];

describe.skipIf(!hasTmux).each([60, 160])("on a terminal of %i columns (needs tmux)", (columns) => {
  test.each<[string, readonly string[], number, RegExp]>([
    [
      "check",
      ["check", "--only", "stale-lock", ...HOST],
      1,
      /1 finding: 1 error\. `openclaw-vitals fix` can repair all/,
    ],
    ["fix --dry-run", ["fix", "--dry-run", "--only", "stale-lock", ...HOST], 1, /Nothing was changed \(--dry-run\)\.$/],
    ["preflight", ["preflight", "--to", "2026.9.6", ...HOST], 0, /Go: nothing stands in the way\./],
    ["policy", ["policy"], 0, /locks\.graceSeconds/],
    ["history", ["history"], 0, /Nothing was ever repaired here\.$/],
    ["report", ["report", "--only", "stale-lock", ...HOST], 0, /### /],
    ["a wrong flag", ["check", "--severity-min", "loud"], 2, /--severity-min does not know "loud"\./],
  ])("%s", async (_, args, code, last) => {
    const { stateDir, plant } = makeSandbox();
    plant({ payload: await deadPayload(), ageMs: 3_600_000 });
    const terminal = await onTerminal([...args, "--state-dir", stateDir], { columns });
    const ended = await terminal.ended();
    expect(ended.code, ended.screen).toBe(code);
    expect(ended.screen.trimEnd().replaceAll(/\n {2,}|\n(?=\S)/g, (line) => (columns < 100 ? " " : line))).toMatch(
      last,
    );
    expect(ended.screen).not.toMatch(/undefined|\[object/);
  });
});
