import { describe, expect, test } from "vitest";
import { compareHosts, satisfiesHost } from "../../src/engine/host-range.ts";

test("releases, betas before and corrections after them, in the order they were published", async () => {
  const published = [
    "2026.4.15",
    "2026.5.3",
    "2026.5.3-1",
    "2026.5.22",
    "2026.6.35",
    "2026.7.1-alpha.1",
    "2026.7.1-beta.2",
    "2026.7.1-beta.10",
    "2026.7.1",
    "2026.7.1-1",
    "2026.7.1-2",
    "2026.7.1-12",
    "2026.7.2-beta.7",
    "2026.7.2",
    "2026.7.35",
    "2026.8.1-beta.1",
    "2026.8.1",
    "2026.10.1",
    "2027.1.1",
  ];
  for (const [index, earlier] of published.entries()) {
    expect(await compareHosts(earlier, `v${earlier}`), earlier).toBe(0);
    for (const later of published.slice(index + 1)) {
      expect(await compareHosts(earlier, later), `${earlier} before ${later}`).toBeLessThan(0);
      expect(await compareHosts(later, earlier), `${later} after ${earlier}`).toBeGreaterThan(0);
      expect(await satisfiesHost(later, `>${earlier}`), `${later} in >${earlier}`).toBe(true);
      expect(await satisfiesHost(earlier, `>=${later}`), `${earlier} in >=${later}`).toBe(false);
    }
  }
});

describe("ranges", () => {
  test.each<[version: string, range: string, inside: boolean]>([
    ["2026.7.1-2", ">=2026.7.1 <=2026.7.1-2", true],
    ["2026.7.1", ">=2026.7.1 <=2026.7.1-2", true],
    ["2026.7.1-3", ">=2026.7.1 <=2026.7.1-2", false],
    ["2026.7.1-beta.6", ">=2026.7.1 <=2026.7.1-2", false],
    ["2026.7.2-beta.1", ">=2026.7.1 <=2026.7.1-2", false],
    ["2026.7.33", ">=2026.7.1 <=2026.7.1-2", false],
    ["2026.5.22", "2026.5.22", true],
    ["2026.5.22-1", "2026.5.22", false],
    ["2026.5.20", "2026.5.20 || 2026.5.22", true],
    ["2026.5.21", "2026.5.20 || 2026.5.22", false],
    ["2026.5.3-1", ">=2026.5.2 <2026.8.1", true],
    ["2026.8.1-beta.1", ">=2026.8.1-0", true],
    ["2026.8.1-beta.1", ">=2026.8.1", false],
    ["2026.8.1-1", ">=2026.8.1-0", true],
    ["2026.7.35", ">=2026.8.1-0", false],
    ["2026.7.2-beta.3", "2026.7.x", true],
    ["2026.7.1-2", "2026.7.1 - 2026.7.2", true],
    ["2026.5.22+build.7", "2026.5.22", true],
    ["2026.9.6", "*", true],
    ["latest", "*", false],
    ["", ">=2026.5.20", false],
    ["2026.9.6", "not a range", false],
  ])("%s in %s: %s", async (version, range, inside) => {
    expect(await satisfiesHost(version, range)).toBe(inside);
  });
});
