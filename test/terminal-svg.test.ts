import { describe, expect, test } from "vitest";
import { runsOf, terminalSvg } from "../scripts/terminal-svg.ts";

const SIZE = { columns: 20, rows: 3, title: "What <is> seen", rest: 1000 };

describe("the drawing of a terminal", () => {
  test("a colour lasts until it is changed, beyond the end of a line", () => {
    expect(
      runsOf(["\u001b[2m  dim", "still \u001b[0mplain", "\u001b[1;31mloud\u001b[39m bold\u001b[22m  calm"]),
    ).toEqual([
      [{ column: 2, text: "dim", style: "dim" }],
      [
        { column: 0, text: "still", style: "dim" },
        { column: 6, text: "plain", style: "" },
      ],
      [
        { column: 0, text: "loud", style: "bold red" },
        { column: 5, text: "bold", style: "bold" },
        { column: 11, text: "calm", style: "" },
      ],
    ]);
  });

  test("each frame is seen in its time, the last also where nothing moves, and no text is markup", () => {
    const svg = terminalSvg(
      [
        { at: 0, lines: ["$ a <b> & c"] },
        { at: 3000, lines: ["$ a <b> & c", "done"] },
      ],
      SIZE,
    );
    expect(svg).toContain('<title id="t">What &lt;is&gt; seen</title>');
    expect(svg).toContain("$ a &lt;b&gt; &amp; c");
    expect(svg.match(/\$ a/g)).toHaveLength(1); // drawn once, shown twice
    expect(svg).toContain("@keyframes k0{0%{visibility:visible}75%{visibility:hidden}}");
    expect(svg).toContain("@keyframes k1{0%{visibility:hidden}75%{visibility:visible}100%{visibility:visible}}");
    expect(svg).toMatch(/\n#f1\{visibility:visible\}/);
    expect(svg).not.toMatch(/<script|href="http/);
  });

  test("nothing to draw is an error", () => {
    expect(() => terminalSvg([], SIZE)).toThrow("nothing to draw");
  });
});
