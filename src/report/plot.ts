import { durationText } from "../engine/duration-text.ts";

/** A point of a plot: milliseconds since the epoch, and a value. */
export interface PlotPoint {
  readonly atMs: number;
  readonly value: number;
}

export interface PlotOptions {
  readonly title: string;
  /** What a value is, e.g. `MiB`. */
  readonly unit: string;
  /** Of points that share a column: the largest, or the last one. */
  readonly keep: "largest" | "last";
  /** Columns and rows of the picture without its axes; default 60 and 6. */
  readonly width?: number;
  readonly height?: number;
}

const EIGHTHS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/**
 * A small plot in text: columns in time, from zero or from the smallest value when all are far from zero. Columns
 * without a point stay empty. Times are told as hours before the last point, never as times of the day.
 */
export function plot(points: readonly PlotPoint[], { title, unit, keep, width = 60, height = 6 }: PlotOptions): string {
  const usable = points.filter(({ atMs, value }) => Number.isFinite(atMs) && Number.isFinite(value));
  const [first, last] = [Math.min(...usable.map(({ atMs }) => atMs)), Math.max(...usable.map(({ atMs }) => atMs))];
  if (usable.length === 0) return `${title}: nothing recorded`;
  const columns = intoColumns(usable, { first, span: Math.max(1, last - first), width, keep });
  const values = columns.filter((value) => value !== undefined);
  const top = Math.max(...values);
  const smallest = Math.min(...values);
  const bottom = smallest > top / 2 && top > smallest ? smallest - (top - smallest) / 4 : 0;
  const labels = [top, (top + bottom) / 2, bottom].map(format);
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const rows = Array.from({ length: height }, (_, row) => {
    const label =
      row === 0 ? labels[0] : row === height - 1 ? labels[2] : row === Math.floor(height / 2) ? labels[1] : "";
    const cells = columns.map((value) => cell(value, { bottom, top, height, row })).join("");
    return `${(label ?? "").padStart(labelWidth)} |${cells.trimEnd()}`;
  });
  const axis = `${" ".repeat(labelWidth)} +${"-".repeat(width)}`;
  const left = `-${durationText(last - first)}`;
  const times = `${" ".repeat(labelWidth + 2)}${left}${"last".padStart(Math.max(" last".length, width - left.length))}`;
  return [`${title}, ${unit}`, ...rows, axis, times].join("\n");
}

function intoColumns(
  points: readonly PlotPoint[],
  { first, span, width, keep }: { first: number; span: number; width: number; keep: "largest" | "last" },
): (number | undefined)[] {
  const columns: ({ value: number; atMs: number } | undefined)[] = Array.from({ length: width }, () => undefined);
  for (const point of points) {
    const index = Math.min(width - 1, Math.floor(((point.atMs - first) / span) * width));
    const known = columns[index];
    if (known === undefined || (keep === "largest" ? point.value > known.value : point.atMs >= known.atMs))
      columns[index] = point;
  }
  return columns.map((point) => point?.value);
}

/** What of a column's bar is in this row, counted from above. */
function cell(
  value: number | undefined,
  { bottom, top, height, row }: { bottom: number; top: number; height: number; row: number },
): string {
  if (value === undefined) return " ";
  const share = top === bottom ? 1 : (value - bottom) / (top - bottom);
  // A value that was measured is seen, however small it is.
  const eighths = Math.max(1, Math.round(share * height * 8));
  const here = Math.min(8, Math.max(0, eighths - (height - 1 - row) * 8));
  return EIGHTHS[here] ?? " ";
}

function format(value: number): string {
  return Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}
