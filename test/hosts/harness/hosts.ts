import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensurePackage } from "./packages.ts";
import { exec } from "./processes.ts";

/** The hosts every real-host test runs on: the version of the bug reports, and the newest. */
export const HOST_VERSIONS = ["2026.5.22", "2026.9.6"] as const;
export type HostVersion = (typeof HOST_VERSIONS)[number];

/** An installed host. All paths are absolute and real. */
export interface Host {
  version: HostVersion;
  /** The package folder, `…/node_modules/openclaw`. */
  root: string;
  /** The CLI, `<root>/openclaw.mjs`. */
  entry: string;
  /** A Node binary that every host version accepts. */
  node: string;
}

/** The project's root folder. */
export const PROJECT = fileURLToPath(new URL("../../../", import.meta.url)).replace(/\/$/, "");
/** Git-ignored folder for everything that may be made again. */
export const CACHE = join(PROJECT, ".cache");

/** Absolute path of the project's own Node 24. Throws when the `node` dev dependency is not installed. */
export async function nodeBinary(): Promise<string> {
  const own = join(PROJECT, "node_modules/node/bin/node");
  if (existsSync(own)) return realpath(own);
  if (Number(process.versions.node.split(".")[0]) >= 24) return realpath(process.execPath);
  throw new Error("no Node 24: run `npm install` first");
}

/** A PATH with `node` first, then npm's folder and the system's; nothing of the caller's own. */
export function cleanPath(node: string): string {
  const npm = (process.env.PATH ?? "")
    .split(delimiter)
    .find((folder) => folder !== "" && existsSync(join(folder, "npm")));
  const folders = [dirname(node), npm, "/usr/local/bin", "/usr/bin", "/bin"];
  return [...new Set(folders.filter((folder) => folder !== undefined))].join(delimiter);
}

let npmConfig: Promise<Record<string, string>> | undefined;

/**
 * Environment that lets npm reach the same registry from a private home: registry, proxy and CA
 * settings of the caller's npm, and a package cache shared by all homes. Holds no credential.
 */
export function npmEnv(): Promise<Record<string, string>> {
  npmConfig ??= readNpmConfig();
  return npmConfig;
}

async function readNpmConfig(): Promise<Record<string, string>> {
  const found: Record<string, string> = {
    npm_config_cache: join(CACHE, "npm"),
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
  const node = await nodeBinary();
  const env = { ...process.env, PATH: cleanPath(node) };
  const listed = await exec("npm", ["config", "list", "--json"], { env, timeoutMs: 60_000 });
  if (listed.code !== 0) throw new Error(`npm config list failed: ${listed.stderr}`);
  const config = JSON.parse(listed.stdout) as Record<string, unknown>;
  for (const key of ["registry", "cafile", "proxy", "https-proxy", "noproxy", "strict-ssl"]) {
    const value = config[key];
    if (typeof value === "string" && value !== "") found[`npm_config_${key.replaceAll("-", "_")}`] = value;
    if (value === false) found[`npm_config_${key.replaceAll("-", "_")}`] = "false";
  }
  for (const key of ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"]) {
    const value = process.env[key];
    if (value) found[key] = value;
  }
  return found;
}

/**
 * The host of that version, installed into `.cache/hosts/<version>` when missing (minutes, needs
 * the registry). Safe to call from several processes at once. Throws when npm fails.
 */
export async function ensureHost(version: HostVersion): Promise<Host> {
  const node = await nodeBinary();
  const env = { ...process.env, PATH: cleanPath(node) };
  const root = await realpath(await ensurePackage(join(CACHE, "hosts", version), "openclaw", version, env));
  return { version, root, entry: join(root, "openclaw.mjs"), node };
}
