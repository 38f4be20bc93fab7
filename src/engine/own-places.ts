import path from "node:path";
import { configFacts } from "../facts/config.ts";
import { readConfigGraph } from "../facts/config-graph.ts";
import { isConfigLockPlace } from "../facts/config-locks.ts";
import { isGatewayLockPlace } from "../facts/gateway-locks.ts";
import { locate } from "../facts/installation.ts";
import { once } from "../facts/once.ts";
import { contains, isInside, realPath, realPlace } from "../facts/paths.ts";
import { sessionStores } from "../facts/places.ts";
import { isSessionLockPlace } from "../facts/session-locks.ts";
import type { JournalEntry } from "./journal-entry.ts";

/** Where repairs of one installation are made. */
export interface OwnPlaces {
  readonly stateDir: string;
  /**
   * Whether a repair of this installation can have been made at the `from` of an entry. A journal is a file that
   * somebody else may have written into: it moves, writes and removes nothing anywhere else.
   */
  has(entry: Pick<JournalEntry, "kind" | "from">): boolean;
}

export interface OwnPlacesOptions {
  /** Default: where the host of this state dir has it. */
  readonly configPath?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Reads nothing before it is asked about a place outside of the state dir. */
export function ownPlaces(stateDir: string, { configPath, env = process.env }: OwnPlacesOptions = {}): OwnPlaces {
  const root = once(() => realPath(stateDir));
  const config = once(() => readConfigGraph(configPath ?? locate({ stateDir, env }).configPath, env));
  const stores = once(() => sessionStores(stateDir, configFacts(config()), env, false));
  const isConfigFile = (file: string): boolean =>
    [config().path, ...config().files.map(({ real }) => real)].some((one) => realPath(one) === realPath(file));

  const isLockPlace = (file: string): boolean => {
    if (!file.endsWith(".lock")) return false;
    if (contains(root(), path.dirname(file))) return true;
    const includes = config()
      .files.filter(({ included }) => included)
      .map(({ real }) => real);
    return (
      isSessionLockPlace(stores(), file) ||
      isConfigLockPlace({ stateDir, configPath: config().path, includes }, file) ||
      isGatewayLockPlace({ stateDir, env }, file)
    );
  };

  return {
    stateDir,
    has({ kind, from }) {
      const file = realPlace(from);
      if (kind === undefined) return isLockPlace(file);
      if (kind === "row") return isInside(stateDir, file);
      if (kind === "config") return isInside(stateDir, file) || isConfigFile(file);
      return true; // of the other kinds nothing is written there
    },
  };
}
