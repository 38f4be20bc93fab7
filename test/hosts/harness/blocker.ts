import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Home } from "./home.ts";
import { until } from "./processes.ts";

type How = "busy" | "waiting";

/** A plugin in a real gateway that blocks its event loop on demand. */
export interface Blocker {
  /** Goes into the gateway's environment. */
  readonly env: Record<string, string>;
  /** Waits until the gateway has started the plugin. */
  ready(): Promise<void>;
  /** Busy, which takes a whole processor, or waiting, which takes none (default). Blocks for `blockMs`, `times` times with `pauseMs` between; returns once the gateway has taken the order. */
  block(order: { how?: How; blockMs: number; pauseMs?: number; times?: number }): Promise<void>;
  /** Ends a series, once the block at work is over. */
  end(): Promise<void>;
}

/** Puts the plugin into the config of a home whose gateway does not run yet. */
export async function withBlocker(home: Home): Promise<Blocker> {
  const folder = join(home.dir, "blocker");
  await mkdir(folder, { recursive: true });
  await home.patchConfig({
    plugins: {
      load: { paths: [fileURLToPath(new URL("blocker", import.meta.url))] },
      entries: { "loop-blocker": { enabled: true } },
    },
  });
  const order = join(folder, "order");
  const give = async (how: How, blockMs: number, pauseMs: number, times: number): Promise<void> => {
    await writeFile(`${order}.new`, `${how} ${blockMs} ${pauseMs} ${times}`);
    await rename(`${order}.new`, order);
    await until(() => !existsSync(order), 300_000, "the gateway takes the order to block");
  };
  return {
    env: { VITALS_TEST_BLOCKER: folder },
    ready: async () => {
      await until(() => existsSync(join(folder, "ready")), 180_000, "the gateway starts the blocker");
    },
    block: async ({ how = "waiting", blockMs, pauseMs = 0, times = 1 }) => await give(how, blockMs, pauseMs, times),
    end: async () => await give("waiting", 0, 0, 1),
  };
}
