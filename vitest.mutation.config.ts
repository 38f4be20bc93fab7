import { defineConfig } from "vitest/config";

/** The tests that must notice when stryker changes a line of the verdicts or of the quarantine (`npm run mutation`). */
export default defineConfig({
  test: {
    include: [
      "test/engine/{verdict,lease-verdict,model,removal,quarantine-repair,changes,settle-changes,config-write}.test.ts",
    ],
    testTimeout: 60_000,
  },
});
