import { realpathSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** The home the host uses: OPENCLAW_HOME, HOME, USERPROFILE, then the account's. */
export function homeDir(env: NodeJS.ProcessEnv): string {
  const set = (name: string): string | undefined => env[name]?.trim() || undefined;
  const osHome = set("HOME") ?? set("USERPROFILE") ?? os.homedir();
  const override = set("OPENCLAW_HOME");
  if (override === undefined) return path.resolve(osHome);
  return path.resolve(override.replace(/^~(?=$|[\\/])/, osHome));
}

/** An absolute path, a leading `~` expanded as the host does. */
export function resolveUserPath(input: string, env: NodeJS.ProcessEnv): string {
  return path.resolve(input.trim().replace(/^~(?=$|[\\/])/, homeDir(env)));
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

/** The path with its links resolved, or as it is when it cannot be followed. */
export function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}
