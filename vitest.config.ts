import { accessSync, constants, statfsSync } from "node:fs";
import { defineConfig } from "vitest/config";

// Real hosts, kills and races need minutes; unit tests must stay quick. One run, in this order.
const slow = ["hosts", "incidents", "crash", "race", "torture"].map((folder) => `test/${folder}/*.test.ts`);
// No host, but gateways and processes of their own that have to be waited for.
const waiting = [
  "test/new-check.test.ts",
  "test/engine/{overdue,restart,restart-repair,baseline-measure}.test.ts",
  "test/cli/{baseline,guided,flows-terminal,watch-terminal}.test.ts",
  "test/fixes/{stranded-lease,cron-repair,rights,rss-growth}.test.ts",
  "test/security/{commands,races,large}.test.ts",
];

/**
 * A doctor syncs every step to the disk. In memory that is quick, and says as much for all but a machine that fails;
 * the crash tests of the other project use the disk.
 */
function inMemory(): { TMPDIR?: string } {
  if (process.platform !== "linux" || process.env["TMPDIR"] !== undefined) return {};
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    accessSync("/dev/shm", constants.W_OK);
    return bavail * bsize > 512 * 2 ** 20 ? { TMPDIR: "/dev/shm" } : {};
  } catch {
    return {};
  }
}

// Starting afresh for each file costs more than most files; only what replaces modules needs it.
const mocks = ["test/engine/{journal-race,removal,settle-changes}.test.ts"];
const unit = {
  testTimeout: 30_000, // files are synced for real: a busy disk takes its time
  maxWorkers: 2,
  env: inMemory(),
  setupFiles: ["test/quick.ts"],
  sequence: { groupOrder: 0 },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...unit,
          name: "unit",
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: [...slow, ...waiting, ...mocks],
        },
      },
      { test: { ...unit, name: "unit-mocks", include: mocks } },
      {
        test: {
          name: "hosts",
          include: [...slow, ...waiting],
          globalSetup: ["test/hosts/harness/global-setup.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
