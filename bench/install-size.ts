/** `node --no-warnings bench/install-size.ts [--json]`: what an installation for production holds, package by package. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { x } from "tinyexec";
import { packageFile } from "../src/package.ts";
import { npmEnv } from "../test/hosts/harness/hosts.ts";
import { packProject } from "../test/hosts/harness/install.ts";
import { installProduction } from "../test/hosts/harness/packages.ts";
import { table } from "./table.ts";

export interface InstallSize {
  /** How many packages are installed besides our own. */
  readonly packages: number;
  /** Sum of all files' sizes, ours included; a disk needs more, as each file takes whole blocks. */
  readonly bytes: number;
  /** Of our own package. */
  readonly ownBytes: number;
  /** Of the tarball that is downloaded. */
  readonly packedBytes: number;
  /** Files in our own package. */
  readonly ownFiles: number;
  /** All but our own, the largest first. */
  readonly perPackage: readonly { readonly name: string; readonly version: string; readonly bytes: number }[];
  /** What was measured: an installation, or without a registry the packages that the lockfile names. */
  readonly source: "npm install" | "package-lock.json";
}

/** Packs the project and installs the tarball into a folder that is removed. @throws when it cannot be packed. */
export async function measureInstallSize(): Promise<InstallSize> {
  const tarball = await packProject();
  const own = await packedSize(tarball);
  const folder = await mkdtemp(path.join(await realpath(os.tmpdir()), "vitals-size-"));
  try {
    const env = { ...process.env, ...(await npmEnv()), npm_config_fetch_retries: "0" };
    const installed = await installProduction(folder, tarball, env).then(
      () => true,
      () => false,
    );
    const [root, lock] = installed
      ? [folder, path.join(folder, "node_modules", ".package-lock.json")]
      : [packageFile(""), packageFile("package-lock.json")];
    const perPackage = sizes(root, lock).filter(({ name }) => name !== "openclaw-vitals");
    return {
      packages: perPackage.length,
      bytes: perPackage.reduce((sum, { bytes }) => sum + bytes, own.ownBytes),
      ...own,
      perPackage,
      source: installed ? "npm install" : "package-lock.json",
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function packedSize(tarball: string) {
  const { stdout } = await x("npm", ["pack", "--dry-run", "--json", tarball], { throwOnError: true });
  const [{ size, unpackedSize, entryCount }] = JSON.parse(stdout);
  return { packedBytes: size as number, ownBytes: unpackedSize as number, ownFiles: entryCount as number };
}

/** Production packages of a lockfile that are below this folder. */
function sizes(root: string, lockfile: string): InstallSize["perPackage"] {
  const { packages } = JSON.parse(readFileSync(lockfile, "utf8")) as {
    packages: Record<string, { version: string; dev?: boolean; devOptional?: boolean; optional?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([place, { dev, devOptional, optional }]) => place !== "" && !dev && !devOptional && !optional)
    .map(([place, { version }]) => ({
      name: place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length),
      version,
      bytes: bytesIn(path.join(root, place)),
    }))
    .sort((a, b) => b.bytes - a.bytes || a.name.localeCompare(b.name));
}

/** Of a package's own files; what is installed inside of it counts for itself. */
function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .reduce((sum, entry) => {
      const file = path.join(folder, entry.name);
      return sum + (entry.isDirectory() ? bytesIn(file) : lstatSync(file).size);
    }, 0);
}

if (import.meta.main) {
  const size = await measureInstallSize();
  const kb = (bytes: number): string => (bytes / 1000).toFixed(0);
  const rows = [
    ["package", "version", "kB"],
    ["openclaw-vitals", `${size.ownFiles} files, packed ${kb(size.packedBytes)} kB`, kb(size.ownBytes)],
    ...size.perPackage.map(({ name, version, bytes }) => [name, version, kb(bytes)]),
    ["all", `${size.packages} besides our own, by ${size.source}`, kb(size.bytes)],
  ];
  process.stdout.write(process.argv.includes("--json") ? `${JSON.stringify(size, null, 2)}\n` : table(rows));
}
