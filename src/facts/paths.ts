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
