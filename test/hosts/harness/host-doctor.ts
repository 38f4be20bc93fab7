import { existsSync } from "node:fs";
import { expect } from "vitest";
import type { Home } from "./home.ts";
import type { Provider } from "./provider.ts";
import type { HeldTurn } from "./turn.ts";

/** The control: 2026.5.22's own doctor, run from outside, destroys the lock of a running turn. Ends the turn. */
export async function expectDoctorDestroys(home: Home, { path, turn }: HeldTurn, provider: Provider): Promise<void> {
  expect(existsSync(path)).toBe(true);
  const doctor = await home.run(["doctor", "--fix", "--non-interactive"], {
    env: { OPENCLAW_DISABLE_BUNDLED_PLUGINS: "1" },
  });
  expect(doctor.stdout).toContain("[removed]");
  expect(existsSync(path)).toBe(false);
  provider.release();
  await turn.kill();
}
