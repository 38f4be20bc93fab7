/** Looks after its own gateway: every few minutes, in a process beside it. Loaded by every command: keep it light. */
import type { GatewayService } from "./gateway-service.ts";
import type { HealRound } from "./heal-round.ts";

/** A gateway that has just started is busy, and its host still takes old locks away itself. Milliseconds. */
const FIRST_MS = 120_000;
/** From the end of a round to the next one. */
const EVERY_MS = 300_000;
/** For tests: the time before a round, milliseconds. */
const TEST_VARIABLE = "OPENCLAW_VITALS_TEST_ROUND_MS";
/** A gateway that stops lets a round come to its end for so long. A repair that is cut off is finished by the next. */
const STOP_MS = 2000;

/** What a round is made for. */
export interface RoundTarget {
  readonly stateDir: string;
  readonly hostVersion: string | null;
}

export interface HealServiceOptions {
  readonly hostVersion: () => string | null;
  /** Makes a round; ends early when the signal comes. Default: in a child process. */
  readonly round?: (target: RoundTarget, signal: AbortSignal) => Promise<HealRound>;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The self-healing service. Whatever goes wrong in it stays in it; rounds never overlap. */
export function healService({ hostVersion, round = inChild, env = process.env }: HealServiceOptions): GatewayService {
  let end: (() => Promise<void>) | null = null;
  const stop = async (): Promise<void> => {
    const ending = end;
    end = null;
    await ending?.();
  };
  return {
    id: "vitals-self-healing",
    async start({ stateDir, logger }) {
      const warn = (line: string): void => logger?.warn?.(line);
      try {
        await stop();
        const target = { stateDir, hostVersion: hostVersion() };
        const { openTelling } = await import("./heal-telling.ts");
        const telling = openTelling(warn);
        end = repeat(pauses(env), async (signal) => {
          const made = await round(target, signal).catch(() => null);
          if (!signal.aborted) telling.round(made);
        });
      } catch {
        warn("vitals: self-healing could not be started.");
      }
    },
    stop,
  };
}

function pauses(env: Readonly<Record<string, string | undefined>>): { firstMs: number; everyMs: number } {
  const test = Number(env[TEST_VARIABLE]);
  return test >= 10 ? { firstMs: test, everyMs: test } : { firstMs: FIRST_MS, everyMs: EVERY_MS };
}

/** @returns what ends it, and waits for the round that is at work, for a while. */
function repeat(
  { firstMs, everyMs }: { readonly firstMs: number; readonly everyMs: number },
  act: (signal: AbortSignal) => Promise<void>,
): () => Promise<void> {
  const abort = new AbortController();
  let ended = false;
  let working: Promise<void> | undefined;
  const later = (ms: number): NodeJS.Timeout => setTimeout(run, ms).unref();
  const run = (): void => {
    working = act(abort.signal).then(() => {
      working = undefined;
      if (!ended) timer = later(everyMs);
    });
  };
  let timer = later(firstMs);
  return async () => {
    ended = true;
    clearTimeout(timer);
    if (working === undefined) return;
    await Promise.race([working, new Promise<void>((resolve) => void setTimeout(resolve, STOP_MS).unref())]);
    abort.abort();
  };
}

async function inChild(target: RoundTarget, signal: AbortSignal): Promise<HealRound> {
  return await (await import("./heal-child.ts")).roundInChild(target, signal);
}
