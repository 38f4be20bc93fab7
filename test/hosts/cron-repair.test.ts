/** A cron job without a limit gets one by the host's own command, as long as a real gateway is there to take it. */
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { packageFile } from "../../src/package.ts";
import { startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { until } from "./harness/processes.ts";
import { vitals, vitalsJson } from "./harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const BUSY = ["--timeout", "150000"]; // of a gateway that has just started

/** A job that is told to run without a limit. @returns its id */
async function makeJob(home: Home): Promise<string> {
  if (home.host.version === "2026.5.22") {
    // The command of that version takes 0 for not given; an agent that adds a job, or a person, writes it all the same.
    const jobs = packageFile("test/fixtures/unbounded-timeout/2026.5.22-jobs.json");
    await mkdir(join(home.stateDir, "cron"));
    await copyFile(jobs, join(home.stateDir, "cron", "jobs.json"));
    return "0555a230-d452-46db-b1c4-fa987cbbeaf0";
  }
  const gateway = await startGateway(home, { until: "/readyz" });
  const what = ["--name", "endless", "--session", "isolated", "--message", "hi", "--every", "1h"];
  const added = await home.run(["cron", "add", ...what, "--timeout-seconds", "0", "--json", ...BUSY]);
  expect(added.code, added.stdout + added.stderr).toBe(0);
  await gateway.stop();
  return (JSON.parse(added.stdout) as { id: string }).id;
}

async function limitOf(home: Home, job: string): Promise<unknown> {
  const { stdout } = await home.run(["cron", "list", "--json", ...BUSY]);
  const { jobs } = JSON.parse(stdout) as { jobs: { id: string; payload: { timeoutSeconds?: unknown } }[] };
  return jobs.find(({ id }) => id === job)?.payload.timeoutSeconds;
}

interface Report {
  readonly target: string;
  readonly status: string;
}

test.each(HOST_VERSIONS)("on %s", { timeout: 900_000 }, async (version) => {
  const home = await createHome(await ensureHost(version), {
    config: { agents: { defaults: { subagents: { runTimeoutSeconds: 600 } } } },
  });
  opened.push({ close: home.dispose });
  const path = `${join(dirname(home.host.root), ".bin")}:${home.env["PATH"]}`;
  const look = ["--only", "unbounded-timeout", "--host-version", version];
  const fix = async (env: Record<string, string>) => {
    const { code, document } = await vitalsJson(home, ["fix", "--yes", ...look], { env, timeoutMs: 240_000 });
    return { code, report: document.repairs.find(({ target }: Report) => target.startsWith("cron job")) };
  };

  const job = await makeJob(home);
  const command = `openclaw cron edit ${job} --timeout-seconds 3600`;

  const down = await fix({ PATH: path });
  expect(down).toMatchObject({ code: 1, report: { status: "skipped", target: `cron job ${job}` } });
  expect(down.report.reason).toBe(`the gateway does not answer; start it and run \`${command}\``);

  const gateway = await startGateway(home, { until: "/readyz" });
  // As an operator's own device is let in: with all rights, once the gateway is done with its start.
  const allowed = async () => (await home.run(["gateway", "call", "update.status", "--json"])).code === 0;
  await until(allowed, 300_000, "the gateway is up and knows this device", 1000);
  const nowhere = await fix({});
  expect(nowhere).toMatchObject({ code: 1, report: { status: "skipped" } });
  expect(nowhere.report.reason).toBe(`\`openclaw\` is not on the PATH; run \`${command}\` where it is`);

  const done = await vitals(home, ["fix", "--yes", ...look], { env: { PATH: path }, timeoutMs: 240_000 });
  expect(done.code, done.stdout + done.stderr).toBe(0);
  expect(done.stdout).toContain(`ran \`${command}\``);
  expect(done.stdout, "only the host changes its jobs back").not.toContain("Take it back");
  expect(await limitOf(home, job)).toBe(3600);
  const after = await vitalsJson(home, ["check", ...look]);
  expect(after.document.findings.filter(({ target }: Report) => target.startsWith("cron job"))).toEqual([]);
  expect(after.code).toBe(0);
  await gateway.stop();
});
