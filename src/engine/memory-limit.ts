import type { MemoryLimits } from "../facts/vital-signs.ts";
import type { Slope } from "./theil-sen.ts";

/** What ends a gateway that grows on, and when. */
export interface LimitAhead {
  /** A clause that names it, e.g. `the limit of its control group`. */
  readonly what: string;
  readonly source: string;
  /** Bytes; of a whole machine what it has. */
  readonly bytes: number;
  /** Minutes until it is reached, at the upper and at the lower end of the slope's interval. */
  readonly soonest: number;
  readonly latest: number;
}

export interface Growth {
  readonly slope: Slope;
  readonly nowBytes: number;
  /** Of the JavaScript heap, when that grows. */
  readonly heap: { readonly slope: Slope; readonly nowBytes: number } | null;
}

/** The limit that is reached first, going by the lower end of the slope's interval; null when none is known. */
export function limitAhead(limits: MemoryLimits | null, { slope, nowBytes, heap }: Growth): LimitAhead | null {
  if (limits === null) return null;
  const { group, host, heapBytes } = limits;
  const ahead: LimitAhead[] = [
    reached("all memory of the machine", "memory of the machine", host.totalBytes, host.availableBytes, slope),
  ];
  if (group !== null)
    ahead.push(reached("the limit of its control group", group.source, group.bytes, group.bytes - nowBytes, slope));
  if (heapBytes !== null && heap !== null)
    ahead.push(
      reached("the limit of its JavaScript heap", "its command line", heapBytes, heapBytes - heap.nowBytes, heap.slope),
    );
  return ahead.reduce((first, limit) => (limit.latest < first.latest ? limit : first));
}

function reached(what: string, source: string, bytes: number, roomBytes: number, slope: Slope): LimitAhead {
  const room = Math.max(0, roomBytes);
  return { what, source, bytes, soonest: room / slope.upper, latest: room / slope.lower };
}

/** Of its limit, above which a burst is enough to end a gateway. */
const FULL = 0.9;

/**
 * The limit a gateway is close to without growing, with the least it needed lately. The machine's own memory is not
 * looked at here: others fill that too.
 * @param recent Bytes, readings of the last minutes.
 */
export function limitClose(
  limits: MemoryLimits | null,
  recent: readonly number[],
): { readonly bytes: number; readonly source: string; readonly usedBytes: number } | null {
  const group = limits?.group ?? null;
  const usedBytes = Math.min(...recent);
  if (group === null || !Number.isFinite(usedBytes) || usedBytes < FULL * group.bytes) return null;
  return { ...group, usedBytes };
}
