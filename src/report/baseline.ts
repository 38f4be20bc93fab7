import { type Paint, plain, type Style } from "../cli/terminal.ts";
import { type Baseline, MEASURES, type Unit } from "../engine/baseline.ts";
import type { Comparison, Figures } from "../engine/baseline-compare.ts";
import { durationText } from "../engine/duration-text.ts";

const STYLE: Record<Comparison["verdict"], Style> = {
  regression: "red",
  improvement: "green",
  unclear: "yellow",
  none: "dim",
  "not compared": "dim",
};
const WORD: Record<Comparison["verdict"], string> = {
  regression: "regression",
  improvement: "better",
  unclear: "unclear: noise",
  none: "no difference",
  "not compared": "not compared",
};

/** A baseline that was saved, for people. */
export function renderBaseline(baseline: Baseline, file: string, paint: Paint): string {
  const rows = MEASURES.flatMap(({ id, title, unit }) => {
    const measure = baseline.measures.find((one) => one.id === id);
    return measure === undefined
      ? []
      : [
          [
            title,
            amount(measure.median, unit),
            amount(measure.spread, unit),
            amount(measure.max, unit),
            String(measure.n),
          ],
        ];
  });
  const head = [`${paint("bold", called(baseline))}${uptimeText(baseline)}`, ""];
  const left = baseline.notMeasured.map(({ id, why }) => `Not measured: ${titleOf(id)}: ${plain(why)}.`);
  const start = baseline.measures.some(({ atRest }) => !atRest)
    ? ["The gateway has just started: save again when it has been up for some minutes, or it is not compared."]
    : [];
  const notes = [...left, ...start];
  return `${[
    ...head,
    ...table(["", "median", "spread", "most", "n"], rows, paint),
    ...(notes.length === 0 ? [] : ["", ...notes]),
    "",
    `Saved as ${plain(file)}`,
    "After the update: `openclaw-vitals baseline compare`",
  ].join("\n")}\n`;
}

/** Two baselines side by side, for people. */
export function renderComparison(
  before: Baseline,
  now: Baseline,
  comparisons: readonly Comparison[],
  paint: Paint,
): string {
  const rows = comparisons.map((one) => [
    one.title,
    figure(one.before, one.unit),
    figure(one.now, one.unit),
    one.ratio === null ? "–" : `×${times(one.ratio)}`,
    one.interval === null ? "–" : `×${times(one.interval.low)} to ×${times(one.interval.high)}`,
    one.machine === null ? "–" : `×${times(one.machine)}`,
    paint(STYLE[one.verdict], WORD[one.verdict]),
  ]);
  const regressions = comparisons.filter(({ verdict }) => verdict === "regression");
  const whys = comparisons.flatMap(({ title, why }) => (why === undefined ? [] : [`${title}: ${plain(why)}.`]));
  const unclear = comparisons.some(({ verdict }) => verdict === "unclear");
  return `${[
    `${paint("bold", "Before")}  ${called(before)}${uptimeText(before)}`,
    `${paint("bold", "Now")}     ${called(now)}${uptimeText(now)}`,
    "",
    ...table(["", "before", "now", "ratio", "within noise", "machine", ""], rows, paint),
    paint(
      "dim",
      "Within noise: where the ratio lies once the machine's own difference is taken off. ±: half the spread.",
    ),
    "",
    ...whys,
    ...(unclear ? ["What is unclear may show when it is measured on a quieter machine."] : []),
    ...(whys.length > 0 || unclear ? [""] : []),
    regressions.length === 0
      ? paint("green", "No regression beyond the noise.")
      : paint("red", `Regression beyond the noise: ${regressions.map(({ title }) => title).join("; ")}.`),
  ].join("\n")}\n`;
}

function called({ name, at, host }: Baseline): string {
  const version = host.version === null ? "OpenClaw (version not found)" : `OpenClaw ${plain(host.version)}`;
  return `${version}, ${plain(at.slice(0, 16).replace("T", " "))} UTC${name === null ? "" : `, "${plain(name)}"`}`;
}

function uptimeText({ gatewayUptimeMs }: Baseline): string {
  if (gatewayUptimeMs === null) return "";
  return `, gateway up ${durationText(gatewayUptimeMs)}`;
}

function titleOf(id: string): string {
  return MEASURES.find((kind) => kind.id === id)?.title ?? plain(id);
}

function figure(figures: Figures | null, unit: Unit): string {
  return figures === null ? "–" : `${amount(figures.median, unit)} ± ${amount(figures.spread / 2, unit)}`;
}

function amount(value: number, unit: Unit): string {
  if (unit === "bytes") return `${Math.round(value / 1_048_576)} MiB`;
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(2) : String(Math.round(ratio));
}

/** Columns of equal width; the first one to the left, the last one too when it has words. */
function table(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const words = column === 0 || (column === cells.length - 1 && head[column] === "");
        return words ? (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell) : cell.padStart(widths[column] ?? 0);
      })
      .join("  ")
      .trimEnd();
  return [paint("dim", line(head)), ...rows.map(line)];
}
