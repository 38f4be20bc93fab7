import { defineConfig } from "vitest/config";

// Real hosts, kills and races need minutes; unit tests must stay quick. One run, in this order.
const slow = ["hosts", "incidents", "crash", "race"].map((folder) => `test/${folder}/*.test.ts`);
// No host, but gateways and processes of their own that have to be waited for.
const waiting = [
  "test/cli/guided.test.ts",
  "test/engine/{overdue,restart}.test.ts",
  "test/fixes/{stranded-lease,cron-repair,rights}.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          testTimeout: 30_000, // files are synced for real: a busy disk takes its time
          maxWorkers: 2,
          include: ["test/**/*.test.ts"],
          exclude: [...slow, ...waiting],
          sequence: { groupOrder: 0 },
        },
      },
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
