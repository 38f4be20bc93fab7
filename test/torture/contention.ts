/**
 * Two `fix` loops, a `watch`, and a real gateway with real turns on one state dir, while locks of processes that are
 * really dead are planted all the time, some of them in the way of the next turn.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readJournal } from "../../src/engine/journal.ts";
import { readRss } from "../../src/facts/gateway.ts";
import { startGateway } from "../hosts/harness/gateway.ts";
import { createHome, type Home } from "../hosts/harness/home.ts";
import { ensureHost, type HostVersion } from "../hosts/harness/hosts.ts";
import { plantTranscript } from "../hosts/harness/plant.ts";
import { startProvider } from "../hosts/harness/provider.ts";
import { lockPath, turnArgs } from "../hosts/harness/turn.ts";
import { BIN, NO_NOTES, vitals } from "../hosts/harness/vitals.ts";
import { account, countLooks, type Planted, watchMemory } from "./contention-account.ts";

export interface Contended {
  readonly host: HostVersion;
  readonly seconds: number;
  readonly fixRuns: number;
  readonly planted: number;
  /** Moved away, by each of the two loops. */
  readonly moved: readonly [number, number];
  /** Those the host took away itself: in the way of a turn, or while it started. */
  readonly takenByHost: number;
  readonly turns: number;
  readonly turnsSucceeded: number;
  readonly looks: number;
  /** Median of `watch`'s resident memory in the first and in the last fifth, MiB. */
  readonly watchMiB: readonly [number, number];
  readonly undone: number;
  readonly problems: readonly string[];
}

/** Pause between two planted locks, at most, and longest wait of a turn for its answer. Milliseconds. */
const PLANT_MS = 400;
const ANSWER_MS = 1_500;
/** Sessions of the turns that run at once. */
const SESSIONS = ["turn-a", "turn-b"] as const;
/** Lets them all at it for so long. @throws when host or gateway do not even start. */
export async function contend(version: HostVersion, seconds: number, say: (text: string) => void): Promise<Contended> {
  const provider = await startProvider();
  const home = await createHome(await ensureHost(version), { provider });
  try {
    const gateway = await startGateway(home);
    say(`${version}: gateway ready, ${seconds} s of contention`);
    provider.hold();
    const answers = setInterval(() => provider.release(""), ANSWER_MS);
    const scene = new Scene(home, gateway.port);
    try {
      return await scene.run(seconds);
    } finally {
      clearInterval(answers);
      provider.release();
      await gateway.stop();
    }
  } finally {
    await home.dispose();
    await provider.close();
  }
}

class Scene {
  readonly #home: Home;
  readonly #port: number;
  readonly #common: readonly string[];
  readonly #planted: Planted[] = [];
  readonly #problems: string[] = [];
  readonly #moved: [number, number] = [0, 0];
  #fixRuns = 0;
  #turns = 0;
  #succeeded = 0;
  #fixing = true;

  constructor(home: Home, port: number) {
    this.#home = home;
    this.#port = port;
    this.#common = [...NO_NOTES, "--host-version", home.host.version];
  }

  async run(seconds: number): Promise<Contended> {
    const home = this.#home;
    const end = performance.now() + seconds * 1000;
    const going = (): boolean => performance.now() < end;
    const watch = await home.spawnFile(home.host.node, [BIN, "watch", "--json", "--every", "5s", ...this.#common]);
    const rss: number[] = [];
    const reading = setInterval(() => rss.push((readRss(watch.pid) ?? 0) / 1_048_576), 500);
    const fixers = [this.#fixLoop(0), this.#fixLoop(1)];
    const planting = this.#plantLoop(going);
    await Promise.all([planting, ...SESSIONS.map((session) => this.#turnLoop(session, going))]);
    // Each of them once more from its start, then all that is left is what they left.
    const before = this.#fixRuns;
    while (this.#fixRuns < before + 4 && this.#problems.length < 20) await sleep(100);
    this.#fixing = false;
    await Promise.all(fixers);
    clearInterval(reading);
    const watched = await watch.kill("SIGINT");
    const fail = (problem: string): void => this.#fail(problem);
    const looks = countLooks(watched.stdout, watched.code, fail);
    const watchMiB = watchMemory(rss, fail);
    const takenByHost = account(home, this.#planted, fail);
    const undone = await this.#history();
    return {
      host: home.host.version,
      seconds,
      fixRuns: this.#fixRuns,
      planted: this.#planted.length,
      moved: this.#moved,
      takenByHost,
      turns: this.#turns,
      turnsSucceeded: this.#succeeded,
      looks,
      watchMiB,
      undone,
      problems: this.#problems,
    };
  }

  #fail(problem: string): void {
    this.#problems.push(problem.slice(0, 2_000));
  }

  /** One of our commands, which must end with 0 or 1 and say one document. */
  async #command(args: readonly string[], codes: readonly number[] = [0, 1]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await vitals(this.#home, [...args, "--json"], { timeoutMs: 240_000 });
    try {
      if (!codes.includes(code ?? -1)) throw new Error(`exit ${code}`);
      return JSON.parse(stdout) as Record<string, unknown>;
    } catch (error) {
      this.#fail(`${args.join(" ")}: ${error}: ${stdout.slice(0, 500)} ${stderr}`);
      return {};
    }
  }

  async #fixLoop(which: 0 | 1): Promise<void> {
    while (this.#fixing) {
      const { repairs } = await this.#command(["fix", "--non-interactive", ...this.#common]);
      for (const { status, path: file, reason } of (repairs ?? []) as Record<"status" | "path" | "reason", string>[]) {
        if (status === "repaired") this.#moved[which] += 1;
        if (status === "failed" && !/put back|left there|is kept at/.test(reason)) this.#fail(`${file}: ${reason}`);
      }
      this.#fixRuns += 1;
    }
  }

  async #plantLoop(going: () => boolean): Promise<void> {
    for (let n = 0; going(); n += 1) {
      const session = `dead-${n}`;
      if (n % 3 > 0) await plantTranscript(this.#home, "main", session);
      this.#plant(session);
      // As a host leaves it that was killed, in the way of the next turn. While a turn holds its own, there is no room.
      if (n % 2 > 0) this.#plant(SESSIONS[n % 4 > 1 ? 1 : 0]);
      await sleep(Math.random() * PLANT_MS);
    }
  }

  #plant(session: string): void {
    const file = lockPath(this.#home, "main", session);
    const createdAt = new Date().toISOString();
    const lock = { ...deadOwner(), createdAt, maxHoldMs: 1_020_000, planted: this.#planted.length };
    const text = `${JSON.stringify(lock, null, 2)}\n`;
    try {
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, text, { flag: "wx", mode: 0o600 });
    } catch {
      return;
    }
    this.#planted.push({ file, text });
  }

  async #turnLoop(session: string, going: () => boolean): Promise<void> {
    while (going()) {
      this.#turns += 1;
      const turn = this.#turns;
      const env = { OPENCLAW_GATEWAY_PORT: String(this.#port) };
      const { code, stdout, stderr } = await this.#home.run(turnArgs({ sessionId: session }), {
        timeoutMs: 240_000,
        env,
      });
      const ok = code === 0 && stdout.includes("pong") && !stdout.includes("gateway-fallback");
      if (ok) this.#succeeded += 1;
      else this.#fail(`turn ${turn} in ${session}: exit ${code} ${stderr} ${stdout}`);
    }
  }

  /** The journal reads line by line, and a run of it can be taken back. @returns how many locks came back. */
  async #history(): Promise<number> {
    const dir = path.join(this.#home.stateDir, "vitals");
    const segments = readdirSync(dir).filter((name) => /^journal.*\.jsonl$/.test(name));
    const written = segments.flatMap((name) => readFileSync(path.join(dir, name), "utf8").split("\n").filter(Boolean));
    const read = readJournal(this.#home.stateDir).length;
    if (read !== written.length) this.#fail(`${written.length} lines in the journal, ${read} read`);
    const { runs } = (await this.#command(["history"])) as {
      runs?: { run: string; repairs: { canUndo: boolean }[] }[];
    };
    const last = runs?.find(({ repairs }) => repairs.some(({ canUndo }) => canUndo));
    if (last === undefined) {
      this.#fail("no run can be taken back");
      return 0;
    }
    const undone = await this.#command(["undo", last.run]);
    const restored = ((undone["undone"] ?? []) as { status: string; path: string }[]).filter(
      ({ status }) => status === "restored",
    );
    for (const { path: file } of restored) if (!existsSync(file)) this.#fail(`${file} did not come back`);
    if (restored.length === 0) this.#fail(`undo took nothing back: ${JSON.stringify(undone)}`);
    return restored.length;
  }
}

/** A process that ran and ended, as a lock names it; without its start now and then, as on macOS. */
function deadOwner(): { pid: number; starttime?: number } {
  const { pid, stdout } = spawnSync("/bin/sh", ["-c", 'read stat < /proc/$$/stat; echo "$stat"'], { encoding: "utf8" });
  const starttime = Number(stdout.slice(stdout.lastIndexOf(")") + 2).split(" ")[19]);
  return Math.random() < 0.25 ? { pid } : { pid, starttime };
}
