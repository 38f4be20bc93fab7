import { describe, expect, test } from "vitest";
import { wrap } from "../../src/cli/wrap.ts";
import type { Preflight } from "../../src/engine/preflight.ts";
import { item } from "../../src/engine/preflight-item.ts";
import { renderPreflight } from "../../src/report/preflight-text.ts";

const plain = (_style: unknown, text: string): string => text;
const STATE = "/srv/agents/.openclaw";

function text(items: Preflight["items"], columns = 100): string {
  const ok = items.every(({ level }) => level !== "blocker");
  const from = { version: "2026.5.22", source: "openclaw on the PATH" };
  const tool = { name: "openclaw-vitals", version: "0.1.0" };
  const verdict = ok ? ("go" as const) : ("stop" as const);
  const document = { schemaVersion: 1, ok, verdict, from, to: "2026.9.6", items, tool, stateDir: STATE };
  return wrap(renderPreflight(document, plain), columns);
}

const BLOCKER = item("node", "blocker", "OpenClaw 2026.9.6 does not run on Node 22.19.0.", {
  remedy: "Install Node >=24.16.0 first.",
  evidence: [{ what: "Node", value: "22.19.0", source: "the Node that runs this command" }],
});
const WARNING = item("config", "warning", "OpenClaw 2026.9.6 refuses 2 keys of this config.", {
  remedy: "Run `openclaw doctor --fix` right after the update.",
  evidence: [{ what: "refused key", value: "cron.retry", source: `${STATE}/openclaw.json, line 3` }],
});
const FINE = item("disk", "ok", "There is room for the upgrade.", {
  evidence: [{ what: "free", value: "9 MiB", source: STATE }],
});

describe("the way to another version, for people", () => {
  test("each thing with what it rests on and what to do, and the verdict last", () => {
    expect(text([BLOCKER, WARNING, FINE]).trimEnd().split("\n")).toEqual([
      "OpenClaw 2026.5.22 to 2026.9.6 at /srv/agents/.openclaw",
      "",
      "blocker  OpenClaw 2026.9.6 does not run on Node 22.19.0.",
      "  - Node: 22.19.0 (the Node that runs this command)",
      "  Install Node >=24.16.0 first.",
      "warning  OpenClaw 2026.9.6 refuses 2 keys of this config.",
      "  - refused key: cron.retry (/srv/agents/.openclaw/openclaw.json, line 3)",
      "  Run `openclaw doctor --fix` right after the update.",
      "ok       There is room for the upgrade.",
      "",
      "Stop: one thing has to go first.",
    ]);
  });

  test.each([
    [[FINE], "Go: nothing stands in the way."],
    [[WARNING], "Go: nothing stands in the way. One warning is better dealt with first."],
    [[WARNING, WARNING], "Go: nothing stands in the way. 2 warnings are better dealt with first."],
    [[BLOCKER, BLOCKER], "Stop: 2 things have to go first."],
  ])("the verdict (%#)", (items, verdict) => {
    expect(text(items).trimEnd().split("\n").at(-1)).toBe(verdict);
  });

  test("on a narrow terminal lines are broken between words, and what is to be pasted stays whole", () => {
    const lines = text([BLOCKER, WARNING, FINE], 60).split("\n");
    expect(lines.filter((line) => line.length > 60 && !line.includes(STATE))).toEqual([]);
    expect(lines.join("\n")).toContain("`openclaw doctor --fix`");
  });
});
