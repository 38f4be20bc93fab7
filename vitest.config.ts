import { defineConfig } from "vitest/config";

// Real hosts, kills and races need minutes; unit tests must stay quick. One run, in this order.
const slow = ["test/hosts/**", "test/incidents/**", "test/crash/**", "test/race/**"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          testTimeout: 30_000, // files are synced for real: a busy disk takes its time
          maxWorkers: 2,
          include: ["test/**/*.test.ts"],
          exclude: slow,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "hosts",
          include: slow.map((folder) => `${folder}/*.test.ts`),
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
