/** `removed` lines from line `from` of one text give way to `added` lines from line `to` of the other; counted from 0. */
export interface Hunk {
  readonly from: number;
  readonly to: number;
  readonly removed: number;
  readonly added: number;
}

/**
 * The fewest removed and added lines that lead from one text to the other (Myers' algorithm; its time grows with the
 * number of changes, not with the text).
 */
export function hunksOf(before: readonly string[], after: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  let open: { from: number; to: number; removed: number; added: number } | undefined;
  let [x, y] = [0, 0];
  for (const step of shortestWay(before, after)) {
    if (step === "keep") {
      if (open) hunks.push(open);
      open = undefined;
    } else {
      open ??= { from: x, to: y, removed: 0, added: 0 };
      open[step === "remove" ? "removed" : "added"] += 1;
    }
    if (step !== "add") x += 1;
    if (step !== "remove") y += 1;
  }
  return open ? [...hunks, open] : hunks;
}

type Step = "keep" | "remove" | "add";

function shortestWay(before: readonly string[], after: readonly string[]): Step[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  const reach = (diagonal: number): number => furthest.get(diagonal) ?? -1;
  for (let changes = 0; ; changes += 1) {
    trace.push(new Map(furthest));
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      let x = comesFromAbove(reach, diagonal, changes) ? reach(diagonal + 1) : reach(diagonal - 1) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
      furthest.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return wayBack(trace, before.length, after.length);
    }
  }
}

function comesFromAbove(reach: (diagonal: number) => number, diagonal: number, changes: number): boolean {
  return diagonal === -changes || (diagonal !== changes && reach(diagonal - 1) < reach(diagonal + 1));
}

function wayBack(trace: readonly Map<number, number>[], width: number, height: number): Step[] {
  const steps: Step[] = [];
  let [x, y] = [width, height];
  for (let changes = trace.length - 1; changes >= 0; changes -= 1) {
    const reach = (diagonal: number): number => trace[changes]?.get(diagonal) ?? -1;
    const above = comesFromAbove(reach, x - y, changes);
    const from = reach(x - y + (above ? 1 : -1));
    const fromY = from - (x - y + (above ? 1 : -1));
    while (x > Math.max(from, 0) && y > Math.max(fromY, 0)) {
      steps.push("keep");
      x -= 1;
      y -= 1;
    }
    if (changes === 0) break;
    steps.push(above ? "add" : "remove");
    [x, y] = [from, fromY];
  }
  return steps.reverse();
}
