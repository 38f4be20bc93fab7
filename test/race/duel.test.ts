/** The race that takes live locks from others does not take them from us: see duel.ts. `npm run bench:race` has figures. */
import { expect, test } from "vitest";
import { duel, type Tally } from "./duel.ts";

const ROUNDS = 20_000;

test("our removal destroys no live lock; blind unlink and compare-then-unlink do, in the same run", async () => {
  const unlink = await duel("unlink", { rounds: ROUNDS, untilDestroyed: true });
  const compare = await duel("compare", { rounds: ROUNDS, untilDestroyed: true });
  const ours = await duel("quarantine", { rounds: ROUNDS });
  const figures = JSON.stringify([unlink, compare, ours] satisfies Tally[]);

  expect(unlink.destroyed, `the duel can destroy: ${figures}`).toBeGreaterThan(0);
  expect(compare.destroyed, `the duel can destroy: ${figures}`).toBeGreaterThan(0);
  expect(ours, figures).toMatchObject({ taken: ROUNDS, destroyed: 0, unrestorable: 0 });
  // Nothing was destroyed although it was removed all the time, and live locks were caught by it.
  expect(ours.removed, figures).toBeGreaterThan(ROUNDS / 20);
  expect(ours.putBack, figures).toBeGreaterThan(0);
}, 600_000);
