/** The embedded summary of accepted keys against the schema each host prints. */
import { expect, test } from "vitest";
import { ruleByVersion } from "../../src/facts/config-schema.ts";
import refused from "../../src/facts/refused-keys.json" with { type: "json" };
import { createHome } from "./harness/home.ts";
import { KNOWN_KEYS, readHostSchema, ruleBySchema } from "./harness/host-schema.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";

test.each(HOST_VERSIONS)("%s", async (version) => {
  const home = await createHome(await ensureHost(version));
  try {
    const schema = await readHostSchema(home.host.root, home.env);
    if (schema === null) throw new Error("the host printed no schema");
    const paths = KNOWN_KEYS.map((key) => key.replaceAll("[]", ".[]").split("."));
    const steps = paths.map((parts) => parts.map((part) => (part === "[]" ? 0 : part === "*" ? "any" : part)));
    const printed = KNOWN_KEYS.map((key, index) => [key, ruleBySchema(schema, steps[index] ?? [])]);
    const embedded = await Promise.all(
      KNOWN_KEYS.map(async (key, index) => [key, await ruleByVersion(steps[index] ?? [], version)]),
    );
    expect(Object.fromEntries(embedded)).toEqual(Object.fromEntries(printed));
  } finally {
    await home.dispose();
  }
});

test("what preflight takes for refused is accepted by 2026.5.22 and refused by 2026.9.6", async () => {
  const paths = refused.keys.map((key) =>
    key.split(".").map((part) => (part === "[]" ? 0 : part === "*" ? "any" : part)),
  );
  const answers = await Promise.all(
    HOST_VERSIONS.map(async (version) => {
      const home = await createHome(await ensureHost(version));
      try {
        const schema = await readHostSchema(home.host.root, home.env);
        if (schema === null) throw new Error("the host printed no schema");
        return paths.map((steps) => ruleBySchema(schema, steps) !== "refused");
      } finally {
        await home.dispose();
      }
    }),
  );
  const [old = [], next = []] = answers;
  expect(refused.keys.filter((_, n) => !old[n])).toEqual([]);
  expect(refused.keys.filter((_, n) => next[n])).toEqual([]);
});
