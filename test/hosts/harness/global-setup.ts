import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { sep } from "node:path";
import { HOME_MARK, RUN_VARIABLE, runFolder } from "./home.ts";
import { ensureHost, HOST_VERSIONS } from "./hosts.ts";
import { killAll, pidsWithEnv } from "./processes.ts";

/** Installs the hosts once before any test; afterwards ends and removes whatever a killed worker left. */
export default async function setup(): Promise<() => Promise<void>> {
  process.env[RUN_VARIABLE] = randomUUID().slice(0, 8);
  for (const version of HOST_VERSIONS) await ensureHost(version);
  return async () => {
    const folder = await runFolder();
    await killAll(() => pidsWithEnv(HOME_MARK, (home) => home.startsWith(folder + sep)));
    await rm(folder, { recursive: true, force: true });
  };
}
