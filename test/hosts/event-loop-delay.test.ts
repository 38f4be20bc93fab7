/** Real gateways of both hosts at once, whose loops a plugin blocks: found each time; and at their turns: not a word. */
import { afterAll, expect, test } from "vitest";
import { withBlocker } from "./harness/blocker.ts";
import { answeredTurn, gatewayTurn, startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { startProvider } from "./harness/provider.ts";
import { settled } from "./harness/settled.ts";
import { vitalsJson } from "./harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

// Not after each: the tests run at the same time.
afterAll(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const MINUTE = 60_000;
const LOOK = ["check", "--only", "event-loop-delay"];

async function look(home: Home, ...args: readonly string[]) {
  const { code, document } = await vitalsJson(home, [...LOOK, ...args]);
  const worst = document.findings.find((finding: { severity: string }) => finding.severity !== "info");
  return { code, document, worst, text: JSON.stringify(document.findings) };
}

test.concurrent.each(HOST_VERSIONS)(
  "%s: no finding at its turns in 20 runs; blocks of 5 s and of 1.5 s found each time",
  { timeout: 20 * MINUTE },
  async (version) => {
    const provider = await startProvider();
    opened.push(provider);
    const home = await createHome(await ensureHost(version), { provider });
    opened.push({ close: home.dispose });
    const blocker = await withBlocker(home);
    const gateway = await startGateway(home, { env: blocker.env });
    await blocker.ready();
    await answeredTurn(home, gateway, { sessionId: "warm" }, "pong");
    await settled(home);

    let over = false;
    const turns = (async () => {
      const done: boolean[] = [];
      while (!over) done.push((await gatewayTurn(home, gateway, { sessionId: `turn${done.length % 2}` })).ok);
      return done;
    })();
    const looks: Awaited<ReturnType<typeof look>>[] = [];
    while (looks.length < 20) looks.push(await look(home));
    over = true;
    expect(await turns).not.toContain(false);
    expect(looks.filter(({ worst, code }) => worst !== undefined || code !== 0).map(({ text }) => text)).toEqual([]);

    // Back to back: no request finds the loop free.
    await blocker.block({ blockMs: 1_500, pauseMs: 5, times: 40 });
    const short = await look(home);
    // A request that needs some turns of the loop waits for as many blocks, and may then be long enough by itself.
    expect(short.worst?.message, short.text).toMatch(/again and again|stood still just now|has not answered for/);
    const tookMs = ({ document }: typeof short): number => document.timings["event-loop-delay"];
    // Other tests run at the same time: what they add to one look they do not add to the next.
    const quicker = tookMs(short) < 10_000 ? short : await look(home);
    expect(tookMs(quicker), "found within ten seconds").toBeLessThan(10_000);
    expect(short.code).toBe(1);
    await blocker.end();

    // Half of the time: one look from outside may come between two blocks, a watch of ten seconds may not.
    await blocker.block({ blockMs: 5_000, pauseMs: 5_000, times: 40 });
    for (let run = 1; run <= 3; run += 1) {
      const { worst, code, text } = await look(home, "--watch-for", "10s");
      expect(worst?.message, `run ${run}: ${text}`).toMatch(/stood still just now|has not answered for/);
      expect(code).toBe(1);
    }
    await blocker.end();
  },
);
