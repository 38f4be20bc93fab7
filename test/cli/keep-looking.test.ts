/** Looking again and again, with a clock that stands still until somebody waits. */
import { expect, test } from "vitest";
import { keepLooking, type Looking } from "../../src/cli/keep-looking.ts";
import type { Diagnosis } from "../../src/engine/diagnose.ts";

const WELL = { ok: true, findings: [] } as unknown as Diagnosis;
const ILL = { ok: false, findings: [] } as unknown as Diagnosis;

/** Looks that take so long and come to so much; after the last one comes Ctrl-C. */
async function looking(looks: readonly { ms: number; gives: Diagnosis | Error }[], everyMs = 5000, cut = false) {
  const interrupt = new AbortController();
  const log: string[] = [];
  let now = 0;
  let n = 0;
  let atWork = 0;
  const options: Looking = {
    everyMs,
    signal: interrupt.signal,
    async look() {
      const mine = looks[n];
      n += 1;
      atWork += 1;
      expect(atWork).toBe(1);
      log.push(`look at ${now}`);
      await Promise.resolve();
      now += mine?.ms ?? 0;
      if (cut && n === looks.length) {
        interrupt.abort();
        await new Promise(() => {});
      }
      atWork -= 1;
      if (mine?.gives instanceof Error) throw mine.gives;
      return mine?.gives ?? WELL;
    },
    onLook: ({ ok }, nextMs) => log.push(`${ok ? "well" : "ill"}, next ${nextMs}`),
    onFailure: (error, nextMs) => log.push(`${(error as Error).message}, next ${nextMs}`),
    clock: {
      now: () => now,
      async pause(ms) {
        if (n === looks.length) interrupt.abort();
        else now += ms;
      },
    },
  };
  return { log, looked: await keepLooking(options) };
}

test("from the start of a look to the start of the next; the code is that of the last look", async () => {
  const { log, looked } = await looking([
    { ms: 300, gives: ILL },
    { ms: 4000, gives: WELL },
  ]);
  expect(log).toEqual(["look at 0", "ill, next 5000", "look at 5000", "well, next 10000"]);
  expect(looked).toEqual({ code: 0, unfinished: false });
});

test("looks that take longer than the time between them do not pile up", async () => {
  const { log, looked } = await looking([
    { ms: 60_000, gives: ILL },
    { ms: 4500, gives: ILL },
  ]);
  expect(log).toEqual(["look at 0", "ill, next 61000", "look at 61000", "ill, next 66500"]);
  expect(looked.code).toBe(1);
});

test("Ctrl-C in the first look: there was none", async () => {
  expect((await looking([{ ms: 1, gives: ILL }], 5000, true)).looked).toEqual({ code: 130, unfinished: true });
});

test("Ctrl-C in a later look: the code is that of the one before", async () => {
  const { looked } = await looking(
    [
      { ms: 1, gives: ILL },
      { ms: 1, gives: WELL },
    ],
    5000,
    true,
  );
  expect(looked).toEqual({ code: 1, unfinished: true });
});

test("what fails at once is an error; later it is told and looking goes on", async () => {
  await expect(looking([{ ms: 1, gives: new Error("no state") }])).rejects.toThrow("no state");
  const { log, looked } = await looking([
    { ms: 0, gives: WELL },
    { ms: 0, gives: new Error("gone") },
  ]);
  expect(log.at(-1)).toBe("gone, next 10000");
  expect(looked).toEqual({ code: 2, unfinished: false });
});

test("a real pause ends with the signal", async () => {
  const interrupt = new AbortController();
  const looked = keepLooking({
    look: async () => WELL,
    everyMs: 86_400_000,
    signal: interrupt.signal,
    onLook: () => setTimeout(() => interrupt.abort(), 5),
    onFailure() {},
  });
  expect(await looked).toEqual({ code: 0, unfinished: false });
  expect(
    await keepLooking({
      look: async () => WELL,
      everyMs: 5000,
      signal: AbortSignal.abort(),
      onLook() {},
      onFailure() {},
    }),
  ).toEqual({ code: 130, unfinished: false });
});
