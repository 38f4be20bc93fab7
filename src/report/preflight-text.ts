import { type Paint, plain, type Style } from "../cli/terminal.ts";
import type { Preflight } from "../engine/preflight.ts";
import type { PreflightItem, PreflightLevel } from "../engine/preflight-item.ts";

const STYLE: Record<PreflightLevel, Style> = { blocker: "red", warning: "yellow", note: "cyan", ok: "green" };

/** What stands in the way of an upgrade, for people: the verdict last, where a terminal leaves off. */
export function renderPreflight({ from, to, items, ok, stateDir }: Preflight, paint: Paint): string {
  const now = from.version === null ? "OpenClaw (version not found)" : `OpenClaw ${from.version}`;
  const head = `${paint("bold", `${plain(now)} to ${plain(to)}`)} at ${plain(stateDir)}`;
  const blockers = items.filter(({ level }) => level === "blocker").length;
  const warnings = items.filter(({ level }) => level === "warning").length;
  const verdict = ok
    ? `${paint("green", "Go")}: nothing stands in the way.${warnings === 0 ? "" : ` ${warnings === 1 ? "One warning is" : `${warnings} warnings are`} better dealt with first.`}`
    : `${paint("red", "Stop")}: ${blockers === 1 ? "one thing has" : `${blockers} things have`} to go first.`;
  return `${head}\n\n${items.map((one) => renderItem(one, paint)).join("")}\n${verdict}\n`;
}

function renderItem({ level, message, remedy, evidence }: PreflightItem, paint: Paint): string {
  const shown = level === "ok" ? [] : evidence;
  const lines = [
    `${paint(STYLE[level], level.padEnd(7))}  ${plain(message)}`,
    ...shown.map(({ what, value, source }) =>
      paint("dim", `  - ${plain(what)}: ${plain(String(value))} (${plain(source)})`),
    ),
    ...(remedy === undefined ? [] : [`  ${plain(remedy)}`]),
  ];
  return `${lines.join("\n")}\n`;
}
