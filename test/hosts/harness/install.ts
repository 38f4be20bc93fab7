import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Home } from "./home.ts";
import { CACHE, cleanPath, nodeBinary, PROJECT } from "./hosts.ts";
import { exec, type Finished } from "./processes.ts";

/** A packed plugin (`.tgz`), or a folder that is to be linked. Absolute paths. */
export type PluginSource = { tarball: string } | { link: string };

/** Arguments of `openclaw plugins install` with which that host takes a local source without asking. */
export function installArgs(home: Home, source: PluginSource): string[] {
  const what = "link" in source ? ["--link", source.link] : [source.tarball];
  // 2026.5.22 knows no consent and refuses --link together with --force.
  const consent = home.host.version === "2026.5.22" ? [] : ["--force", "--accept-capabilities"];
  return ["plugins", "install", ...what, ...consent];
}

/** Installs a plugin (needs the npm registry for its dependencies). Throws with the output on failure. */
export async function installPlugin(home: Home, source: PluginSource): Promise<Finished> {
  return must(home, installArgs(home, source));
}

/** Turns an installed plugin on or off with the host's own command. Throws with the output on failure. */
export async function setPluginEnabled(home: Home, enabled: boolean, id = "vitals"): Promise<Finished> {
  return must(home, ["plugins", enabled ? "enable" : "disable", id]);
}

async function must(home: Home, args: string[]): Promise<Finished> {
  const done = await home.run(args);
  if (done.code === 0) return done;
  throw new Error(`openclaw ${args.join(" ")} failed (${done.code ?? done.signal}): ${done.stdout}${done.stderr}`);
}

// What a build or a package cannot depend on, or makes itself.
const IGNORED = new Set(["node_modules", "dist", "test", "bench", "coverage", "test-results"]);

/**
 * Builds and packs the project and returns the tarball's absolute path, `.cache/pack/<hash>/….tgz`.
 * The hash covers the project's files, so an unchanged project is packed once. Works on a copy, so
 * several workers may call it at once and `dist/` stays untouched. Throws when build or pack fails.
 */
export async function packProject(): Promise<string> {
  const files = await projectFiles();
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${relative(PROJECT, file)}\0`);
    hash.update(await readFile(file));
  }
  const packs = join(CACHE, "pack");
  const target = join(packs, hash.digest("hex").slice(0, 16));
  const packed = await tarballIn(target);
  if (packed !== undefined) return packed;

  await mkdir(packs, { recursive: true });
  const work = await mkdtemp(join(packs, ".packing-"));
  try {
    const copy = join(work, "project");
    for (const file of files) await cp(file, join(copy, relative(PROJECT, file)));
    await symlink(join(PROJECT, "node_modules"), join(copy, "node_modules"));
    const out = join(work, "out");
    await mkdir(out);
    await npm(copy, ["run", "build"]);
    await npm(copy, ["pack", "--ignore-scripts", "--pack-destination", out]);
    await rename(out, target).catch(async (error: unknown) => {
      // Another worker packed the same content first.
      if ((await tarballIn(target)) === undefined) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const made = await tarballIn(target);
  if (made === undefined) throw new Error("npm pack made no tarball");
  return made;
}

async function projectFiles(): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(PROJECT, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || IGNORED.has(entry.name) || /\.(tgz|log)$/.test(entry.name)) continue;
    const path = join(PROJECT, entry.name);
    if (entry.isFile()) files.push(path);
    if (!entry.isDirectory()) continue;
    for (const inner of await readdir(path, { recursive: true, withFileTypes: true })) {
      if (inner.isFile()) files.push(join(inner.parentPath, inner.name));
    }
  }
  return files.sort();
}

async function tarballIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const name = names.find((candidate) => candidate.endsWith(".tgz"));
  return name === undefined ? undefined : join(folder, name);
}

async function npm(cwd: string, args: string[]): Promise<void> {
  const env = { ...process.env, PATH: cleanPath(await nodeBinary()) };
  const done = await exec("npm", args, { cwd, env, timeoutMs: 600_000 });
  if (done.code !== 0) throw new Error(`npm ${args.join(" ")} failed: ${done.stdout}${done.stderr}`);
}
