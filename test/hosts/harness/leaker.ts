import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Config, type Home, merge } from "./home.ts";
import { until } from "./processes.ts";

/** A plugin in a real gateway that keeps memory on demand: buffers, outside of the JavaScript heap. */
export interface Leaker {
  /** Goes into the gateway's environment. */
  readonly env: Record<string, string>;
  /** Waits until the gateway has started the plugin. */
  ready(): Promise<void>;
  /**
   * From now on it takes so much, up to `mostMiB` (2048 at most) in all. Returns once it takes: while a gateway starts,
   * its event loop stands still for minutes on a busy machine.
   */
  leak(order: { mibPerMinute: number; mostMiB: number }): Promise<void>;
  /** Takes no more. What it took is gone only with its process. */
  stop(): Promise<void>;
}

/** Puts the plugin into the config of a home whose gateway does not run yet. */
export async function withLeaker(home: Home): Promise<Leaker> {
  const folder = join(home.dir, "leaker");
  await mkdir(folder, { recursive: true });
  const plugins = ((await home.readConfig())["plugins"] ?? {}) as { load?: { paths?: string[] } };
  const paths = [...(plugins.load?.paths ?? []), fileURLToPath(new URL("leaker", import.meta.url))];
  const patch: Config = { load: { paths }, entries: { "memory-leaker": { enabled: true } } };
  await home.patchConfig({ plugins: merge(plugins as Config, patch) });
  const order = join(folder, "order");
  return {
    env: { VITALS_TEST_LEAKER: folder },
    ready: async () => {
      await until(() => existsSync(join(folder, "ready")), 180_000, "the gateway starts the leaker");
    },
    leak: async ({ mibPerMinute, mostMiB }) => {
      await writeFile(`${order}.new`, `${mibPerMinute} ${mostMiB}`);
      await rename(`${order}.new`, order);
      await until(() => existsSync(join(folder, "leaking")), 300_000, "the gateway takes memory");
    },
    stop: async () => await rm(order, { force: true }),
  };
}
