/** What our edits make of a config, before the judge that counts: the host's own `config validate`. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GoldenCase, goldenCases } from "../engine/config-golden.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";

const cases = goldenCases();

describe.each(HOST_VERSIONS)("%s", (version) => {
  let home: Home;
  beforeAll(async () => {
    home = await createHome(await ensureHost(version));
  });
  afterAll(() => home.dispose());

  /** What the host says of a config of these files, in a folder of its own. */
  async function validate(name: string, ...sides: ReadonlyMap<string, Buffer>[]) {
    const dir = join(home.dir, name);
    for (const [file, bytes] of sides.flatMap((side) => [...side])) {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), bytes);
    }
    const config = join(dir, "openclaw.json");
    const { stdout } = await home.run(["config", "validate", "--json"], { env: { OPENCLAW_CONFIG_PATH: config } });
    return { config, answer: JSON.parse(stdout) as { valid: boolean; path: string; issues?: unknown } };
  }

  const own = cases.filter((golden) => golden.hosts.includes(version));

  test.concurrent.each(own)("accepts the result of $name", async ({ name, before, after }: GoldenCase) => {
    const { config, answer } = await validate(`${name}-after`, before, after);
    expect(answer).toMatchObject({ valid: true, path: config });
  });
});

test("the newer host refuses the config whose retired keys are taken away", async () => {
  const home = await createHome(await ensureHost("2026.9.6"));
  try {
    const retired = cases.find((golden) => golden.name === "everything-retired");
    await home.writeConfig(String(retired?.before.get("openclaw.json")));
    const { stdout } = await home.run(["config", "validate", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ valid: false });
  } finally {
    await home.dispose();
  }
});
