import { describe, expect, test } from "vitest";
import { canAsk, canDraw, type Terminal } from "../../src/cli/terminal.ts";

const terminal = (pipes: readonly string[], env: NodeJS.ProcessEnv = {}): Terminal => {
  const stream = (name: string) => ({ isTTY: !pipes.includes(name) });
  return { stdin: stream("stdin"), stdout: stream("stdout"), stderr: stream("stderr"), env } as unknown as Terminal;
};

describe("a person is asked", () => {
  test("on a terminal", () => {
    expect(canAsk(terminal([]), false)).toBe(true);
    expect(canAsk(terminal([], { CI: "false", OPENCLAW_UPDATE_IN_PROGRESS: "" }), false)).toBe(true);
  });

  test.each(["stdin", "stdout", "stderr"])("not when %s is a pipe", (pipe) => {
    expect(canAsk(terminal([pipe]), false)).toBe(false);
  });

  test.each([{ CI: "1" }, { CI: "true" }, { OPENCLAW_UPDATE_IN_PROGRESS: "1" }, { TERM: "dumb" }])(
    "not with %j, and nothing is drawn",
    (env) => {
      expect([canAsk(terminal([], env), false), canDraw(terminal([], env), false)]).toEqual([false, false]);
    },
  );

  test("not with --non-interactive", () => {
    expect(canAsk(terminal([]), true)).toBe(false);
  });
});

test("stderr is drawn on whatever the others are", () => {
  expect(["stdin", "stdout", "stderr"].map((pipe) => canDraw(terminal([pipe]), false))).toEqual([true, true, false]);
});
