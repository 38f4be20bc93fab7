/** npm packages, each installed by itself into a folder of the cache that holds nothing else. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { exec } from "./processes.ts";

/** The version of a package in `<folder>/node_modules`; undefined when it is not there. */
function installedVersion(folder: string, name: string): string | undefined {
  try {
    const text = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(text) as { version?: string }).version;
  } catch {
    return undefined;
  }
}

/**
 * Installs a package into this folder unless it is there in this version; none of its scripts runs. Safe to call from
 * several processes at once. @returns the package's own folder. @throws when npm fails (it may need the registry).
 */
export async function ensurePackage(
  folder: string,
  name: string,
  version: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  if (installedVersion(folder, name) !== version) {
    await mkdir(dirname(folder), { recursive: true });
    const fresh = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
    try {
      await installProduction(fresh, `${name}@${version}`, env);
      await publish(fresh, folder, name, version);
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }
  return join(folder, "node_modules", name);
}

/**
 * `npm install` of one package (a name, or the path of a tarball) and what it needs to run, into this folder; what npm
 * has in its cache is not asked for again, and no script runs. @throws with npm's output when it fails.
 */
export async function installProduction(folder: string, what: string, env: NodeJS.ProcessEnv): Promise<void> {
  await writeFile(join(folder, "package.json"), '{"private":true}\n');
  const args = ["install", "--ignore-scripts", "--prefer-offline", "--omit=dev", "--no-audit", "--no-fund", what];
  const done = await exec("npm", args, { cwd: folder, env, timeoutMs: 900_000 });
  if (done.code !== 0) throw new Error(`npm ${args.join(" ")} failed: ${done.stdout}${done.stderr}`);
}

// A rename is atomic, so another process sees a whole package or none.
async function publish(fresh: string, folder: string, name: string, version: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      await rename(fresh, folder);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    }
    if (installedVersion(folder, name) === version) return;
    const aside = `${fresh}.broken-${attempt}`;
    await rename(folder, aside).catch(() => {});
    await rm(aside, { recursive: true, force: true });
  }
  throw new Error(`could not move the installed ${name} to ${folder}`);
}
