import { lstatSync, realpathSync, statSync } from "node:fs";
import path from "node:path";

/** The home the host uses: OPENCLAW_HOME, HOME, USERPROFILE, then the account's. */
export function homeDir(env: NodeJS.ProcessEnv): string {
  const set = (name: string): string | undefined => env[name]?.trim() || undefined;
  // Loaded only where nothing else says it.
  const osHome = set("HOME") ?? set("USERPROFILE") ?? process.getBuiltinModule("node:os").homedir();
  const override = set("OPENCLAW_HOME");
  if (override === undefined) return path.resolve(osHome);
  return path.resolve(override.replace(/^~(?=$|[\\/])/, () => osHome));
}

/** An absolute path, a leading `~` expanded as the host does. */
export function resolveUserPath(input: string, env: NodeJS.ProcessEnv): string {
  return path.resolve(input.trim().replace(/^~(?=$|[\\/])/, () => homeDir(env)));
}

/** Whether a folder is `root` or lies in it, links resolved on both sides. */
export function isInside(root: string, dir: string): boolean {
  return contains(realPath(root), realPath(dir));
}

/** Whether a path is `root` or below it, by its name alone. Both are absolute. */
export function contains(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return !path.isAbsolute(relative) && relative.split(path.sep)[0] !== "..";
}

/**
 * Whether a path leads through a link of one user to what belongs to another one. For root, who may go everywhere: what
 * a user of the machine has linked is then not followed further than that user could go. False for everybody else.
 */
export function crossesUsers(file: string): boolean {
  const target = process.getuid?.() === 0 ? targetOf(file) : null;
  return target?.links.some(({ uid }) => uid !== target.stat.uid) ?? false;
}

/** As `crossesUsers`, but what everybody may read is nobody's secret. */
export function exposes(file: string): boolean {
  const target = crossesUsers(file) ? targetOf(file) : null;
  if (target === null) return false;
  const above = prefixes(path.dirname(target.real)).every((dir) => (statSync(dir).mode & 0o001) !== 0);
  return !above || (target.stat.mode & 0o004) === 0;
}

function targetOf(file: string) {
  const named = path.resolve(file);
  const real = realPath(named);
  if (real === named) return null;
  const links = prefixes(named)
    .map((one) => lstatSync(one, { throwIfNoEntry: false }))
    .filter((stat) => stat !== undefined)
    .filter((stat) => stat.isSymbolicLink() && stat.uid !== 0);
  return { real, links, stat: statSync(real) };
}

/** A path and all the folders above it. */
function prefixes(file: string): string[] {
  const above = path.dirname(file);
  return above === file ? [file] : [...prefixes(above), file];
}

/** A file with the links of the folders above it resolved; it may be a link itself, or missing. */
export function realPlace(file: string): string {
  return path.join(realPath(path.dirname(file)), path.basename(file));
}

/** Asking the system takes a tenth of what Node's own way does; elsewhere that one has its own idea of a path. */
export const resolveLinks = process.platform === "linux" ? realpathSync.native : realpathSync;

/** The path with its links resolved, or as it is when it cannot be followed. */
export function realPath(file: string): string {
  try {
    return resolveLinks(file);
  } catch {
    return path.resolve(file);
  }
}
