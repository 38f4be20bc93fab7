import type { Facts } from "../facts/facts.ts";
import { isInside } from "../facts/paths.ts";
import { dropLockDrafts } from "./host-lock.ts";
import { ownPlaces } from "./own-places.ts";
import { finishInterrupted } from "./settle.ts";

/**
 * Brings to an end what a killed run of ours left half done, before anything is judged. In an update only inside the
 * state dir.
 * @returns how much there was; writes nothing when there was nothing.
 */
export async function finishKilled({ stateDir, configPath, env, updating, configGraph }: Facts): Promise<number> {
  const files = new Set([configPath, ...configGraph().files.map(({ real }) => real)]);
  const ours = [...files].filter((file) => !updating || isInside(stateDir, file));
  return finishInterrupted(stateDir, updating, ownPlaces(stateDir, { configPath, env })) + (await dropLockDrafts(ours));
}
