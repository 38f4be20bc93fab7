import { type Baseline, MEASURES, type Measure, type MeasureId, type MeasureKind, type Unit } from "./baseline.ts";
import { differenceInterval, type Interval, median, ratioInterval } from "./baseline-statistics.ts";

/** One measure of two baselines. Figures as in the measures; a ratio is now by before. */
export interface Comparison {
  readonly id: MeasureId;
  readonly title: string;
  readonly unit: Unit;
  readonly before: Figures | null;
  readonly now: Figures | null;
  /** Of the medians; null when only one side has it. */
  readonly ratio: number | null;
  /** What the noise of both sides leaves open; with what the machine itself was slower or quicker already taken off. */
  readonly interval: Interval | null;
  /** How many times slower the machine itself was now, judged by other work; null where it is not known. */
  readonly machine: number | null;
  /** `unclear`: worse by more than matters, but not by more than the noise. */
  readonly verdict: "regression" | "improvement" | "unclear" | "none" | "not compared";
  /** Why it was not compared: a clause. */
  readonly why?: string;
}

export type Figures = Pick<Measure, "n" | "median" | "spread" | "max">;

/** A baseline with another, measure by measure. Measures that neither side has are left out. */
export function compareBaselines(past: Baseline, now: Baseline): Comparison[] {
  const sameMachine = JSON.stringify(past.machine) === JSON.stringify(now.machine);
  return MEASURES.flatMap((kind): Comparison[] => {
    const [before, after] = [find(past, kind), find(now, kind)];
    if (before === undefined && after === undefined) return [];
    const base = {
      id: kind.id,
      title: kind.title,
      unit: kind.unit,
      before: figures(before),
      now: figures(after),
      ratio: before && after ? after.median / Math.max(before.median, 1e-6) : null,
    };
    const why = obstacle(kind, before, after, past, now);
    if (why !== null || before === undefined || after === undefined)
      return [{ ...base, interval: null, machine: null, verdict: "not compared", ...(why === null ? {} : { why }) }];
    return [{ ...base, ...judge(kind, before, after, sameMachine) }];
  });
}

/** Why two measures cannot be compared, null when they can. */
function obstacle(
  { id }: MeasureKind,
  before: Measure | undefined,
  after: Measure | undefined,
  past: Baseline,
  now: Baseline,
): string | null {
  if (before === undefined) return `not measured before: ${whyNot(past, id)}`;
  if (after === undefined) return `not measured now: ${whyNot(now, id)}`;
  if (before.source !== after.source) return `measured in another way: ${before.source} before, ${after.source} now`;
  if (!before.atRest) return "the gateway had just started when the baseline was saved";
  if (!after.atRest) return "the gateway has just started: compare again when it has been up for some minutes";
  if (ratioInterval(before.samples, after.samples) === null) return "too few samples, as each took too long";
  return null;
}

/**
 * A regression is more than what matters, even at that end of the interval which the noise of both sides and of the
 * machine itself makes the best case. A machine that is slower now excuses what it explains.
 */
function judge(kind: MeasureKind, before: Measure, after: Measure, sameMachine: boolean) {
  const known = sameMachine && before.machine.length > 0 && after.machine.length > 0;
  const machine = known ? ratioInterval(before.machine, after.machine) : null;
  const middle = known ? median(after.machine) / median(before.machine) : 1;
  const slowest = excused(middle, machine?.high ?? 1, (machine?.low ?? 1) > 1);
  const quickest = 1 / excused(1 / middle, 1 / (machine?.low ?? 1), (machine?.high ?? 1) < 1);
  const worst = intervals(before, after, slowest);
  const best = intervals(before, after, quickest);
  const adjusted = after.median / slowest;
  const verdict =
    worst.ratio.low > kind.ratio && worst.difference.low > kind.amount
      ? "regression"
      : best.ratio.high < 1 / kind.ratio && best.difference.high < -kind.amount
        ? "improvement"
        : adjusted > before.median * kind.ratio && adjusted - before.median > kind.amount
          ? "unclear"
          : "none";
  return {
    interval: { low: worst.ratio.low, high: best.ratio.high },
    machine: known ? middle : null,
    verdict,
  } as const;
}

/**
 * By how much the machine may have been slower, 1 or more: as much as its noise leaves open when it is proven to be
 * slower at all, else halfway from what it seems, or even a quiet machine would hide what is to be found.
 */
function excused(middle: number, most: number, proven: boolean): number {
  return proven ? most : Math.sqrt(Math.max(1, middle) * Math.max(1, most));
}

/** @param factor by which the machine was slower now. */
function intervals(before: Measure, after: Measure, factor: number): { ratio: Interval; difference: Interval } {
  const now = after.samples.map((sample) => sample / factor);
  const [ratio, difference] = [ratioInterval(before.samples, now), differenceInterval(before.samples, now)];
  if (ratio === null || difference === null) throw new RangeError("too few samples");
  return { ratio, difference };
}

function find({ measures }: Baseline, { id }: MeasureKind): Measure | undefined {
  return measures.find((measure) => measure.id === id);
}

function figures(measure: Measure | undefined): Figures | null {
  if (measure === undefined) return null;
  const { n, median: middle, spread, max } = measure;
  return { n, median: middle, spread, max };
}

function whyNot({ notMeasured }: Baseline, id: MeasureId): string {
  return notMeasured.find((one) => one.id === id)?.why ?? "nothing is known of it";
}
