import type { ConfigGraph, ConfigPath } from "../facts/config-graph.ts";
import { formatPath } from "../facts/config-graph.ts";
import type { ConfigEdit } from "./config-edit.ts";
import { UserError } from "./errors.ts";

/** One change of the merged config. A list or object is not set as a whole: it may come from several files. */
export type ConfigChange =
  | { readonly path: ConfigPath; readonly set: string | number | boolean | null }
  | { readonly path: ConfigPath; readonly remove: true; readonly dropEmpty?: boolean };

/** What has to be edited in one file. */
export interface FileEdits {
  /** As the host names it, and with links followed. */
  readonly file: string;
  readonly real: string;
  readonly included: boolean;
  /** The file is included at several places, and the change shows at all of them. */
  readonly shared: boolean;
  /** Paths within the file. */
  readonly edits: readonly ConfigEdit[];
}

/**
 * Which files to edit so that the merged config changes as wanted: a value is set where its owner has it, and taken
 * away everywhere, or a weaker file's value would come to light.
 * @throws UserError when something other than an object is in the way, when a whole file would have to go, and for a
 *   file that is not UTF-8
 */
export function planConfigEdits(graph: ConfigGraph, changes: readonly ConfigChange[]): FileEdits[] {
  const files = new Map<string, FileEdits & { edits: ConfigEdit[] }>();
  for (const change of changes) {
    const { path, ...rest } = change;
    for (const place of placesOf(graph, change)) {
      if (place.path.length === 0) throw unreachable(path, "is a file of its own");
      const { file, real, included, shared } = place;
      // Its text is not what its bytes say: written back, they would be lost.
      if (graph.files.some((one) => one.real === real && !one.utf8))
        throw new UserError(`${file} is not UTF-8 throughout.`, "Save the file as UTF-8 first.");
      const known = files.get(real) ?? { file, real, included, shared, edits: [] };
      known.edits.push({ path: place.path, ...rest });
      files.set(real, known);
    }
  }
  return [...files.values()];
}

function placesOf(graph: ConfigGraph, change: ConfigChange) {
  if ("set" in change) {
    const place = graph.placeFor(change.path);
    if (place === null) throw unreachable(change.path, "has no place in the config as it is");
    return [place];
  }
  const owner = graph.ownerOf(change.path);
  return owner ? [owner, ...owner.alsoIn] : [];
}

function unreachable(path: ConfigPath, why: string): UserError {
  return new UserError(`${formatPath(path)} ${why}.`, "Change it by hand.");
}
