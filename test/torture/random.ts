/** Random numbers that come again: each case of a run is made from its own seed and nothing else. */

export interface Random {
  /** A whole number from 0 up to, not including, this one. */
  below(limit: number): number;
  /** True once in so many times. */
  once(of: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32 over seed and number. */
export function randomOf(seed: number, number: number): Random {
  let state = mix(mix(seed) ^ number);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    below,
    once: (of) => below(of) === 0,
    pick(from) {
      if (from.length === 0) throw new Error("nothing to pick from");
      return from[below(from.length)] as (typeof from)[number];
    },
  };
}

/** Neighbouring seeds are to have nothing in common. */
function mix(value: number): number {
  let t = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  t = Math.imul(t ^ (t >>> 13), 0xc2b2ae35);
  return (t ^ (t >>> 16)) >>> 0;
}
