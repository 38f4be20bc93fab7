import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { readVitalRing, vitalRingPath } from "../../src/facts/vital-ring.ts";
import { samplerService } from "../../src/host/gateway-service.ts";
import plugin from "../../src/host/plugin.ts";
import { put, tempDir } from "../facts/sandbox.ts";

function logger() {
  const lines: string[] = [];
  return { lines, warn: (line: string) => void lines.push(line) };
}

test("a restart within one process is another life; stopping is safe at any time", async () => {
  const stateDir = tempDir();
  const service = samplerService(() => "2026.9.6");
  const log = logger();
  await service.stop();
  await service.start({ stateDir, logger: log });
  await service.stop();
  await service.stop();
  await service.start({ stateDir, logger: log });
  await service.start({ stateDir, logger: log }); // a host that forgot to stop it
  await service.stop();
  const { lives } = readVitalRing(stateDir);
  expect(lives).toHaveLength(3);
  expect(lives[0]).toMatchObject({ pid: process.pid, hostVersion: "2026.9.6" });
  if (process.platform === "linux") expect(lives[0]?.startTicks).toBeGreaterThan(0);
  expect(log.lines).toEqual([]);
});

test("whatever stands in the way, the gateway starts and stops; it is said once", async () => {
  const stateDir = tempDir();
  put(path.join(stateDir, "vitals"), "not a folder");
  const service = samplerService(() => null);
  const log = logger();
  await service.start({ stateDir, logger: log });
  await service.stop();
  expect(log.lines).toEqual([expect.stringMatching(/^vitals: .*folder cannot be made/)]);
  expect(log.lines[0]).not.toContain(stateDir);
  await service.start({ stateDir }); // a host without a logger
  await service.stop();
});

test("a defect of ours stays ours", async () => {
  const service = samplerService(() => {
    throw new Error("no version");
  });
  const log = logger();
  await service.start({ stateDir: tempDir(), logger: log });
  await service.stop();
  expect(log.lines).toEqual(["vitals: The sampler could not be started."]);
});

test("the plugin registers it, with the version of the host that runs it", async () => {
  const stateDir = tempDir();
  const services: ReturnType<typeof samplerService>[] = [];
  const others: string[] = [];
  const registerService = (one: (typeof services)[number]): void =>
    void (one.id === "vitals-sampler" ? services.push(one) : others.push(one.id));
  const api = { registerCli() {}, registerService };
  plugin.register({ ...api, runtime: { version: "2026.5.22" } });
  plugin.register(api);
  plugin.register({ registerCli() {} }); // where the host only asks for commands
  expect(services).toHaveLength(2);
  expect(others).toEqual(["vitals-self-healing", "vitals-self-healing"]);
  expect(existsSync(vitalRingPath(stateDir))).toBe(false);
  mkdirSync(path.join(stateDir, "vitals"));
  for (const service of services) {
    await service.start({ stateDir });
    await service.stop();
  }
  expect(readVitalRing(stateDir).lives.map(({ hostVersion }) => hostVersion)).toEqual(["2026.5.22", null]);
});
