/** Our reading of a config against the host's: what it refuses, and what it makes of includes. */
import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfigGraph } from "../../src/facts/config-graph.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";

interface Shape {
  readonly name: string;
  readonly files: Record<string, string | Buffer>;
  /** Links to make: name, and what it leads to. */
  readonly symlinks?: Record<string, string>;
  readonly hardLinks?: Record<string, string>;
}

const LOCAL = '{ gateway: { mode: "local" } }';

/** A config and `count` files, each including the next. */
function chain(count: number): Record<string, string> {
  const name = (n: number) => (n === 0 ? "openclaw.json" : `${n}.json`);
  const files = Array.from({ length: count }, (_, n) => [name(n), `{ $include: "./${n + 1}.json" }`]);
  return { ...Object.fromEntries(files), [name(count)]: LOCAL };
}

const shapes: Shape[] = [
  { name: "ten files deep", files: chain(10) },
  { name: "eleven files deep", files: chain(11) },
  {
    name: "a linked config, the file beside the link",
    files: { "real/c.json": '{ $include: "./a.json" }', "a.json": LOCAL },
    symlinks: { "openclaw.json": "real/c.json" },
  },
  {
    name: "a linked config, the file beside its target",
    files: { "real/c.json": '{ $include: "./a.json" }', "real/a.json": LOCAL },
    symlinks: { "openclaw.json": "real/c.json" },
  },
  {
    name: "a linked file",
    files: { "openclaw.json": '{ $include: "./b.json" }', "a.json": LOCAL },
    symlinks: { "b.json": "a.json" },
  },
  {
    name: "a link out of the folder",
    files: { "openclaw.json": '{ $include: "./b.json" }' },
    symlinks: { "b.json": "/etc/hostname" },
  },
  {
    name: "a hard link",
    files: { "openclaw.json": '{ $include: "./a.json" }', "a.json": LOCAL },
    hardLinks: { "b.json": "a.json" },
  },
  {
    name: "a circle through a link",
    files: { "openclaw.json": '{ $include: "./a.json" }', "a.json": '{ x: { $include: "./l.json" } }' },
    symlinks: { "l.json": "a.json" },
  },
  { name: "a number for a name", files: { "openclaw.json": "{ $include: 5 }" } },
  { name: "an empty list", files: { "openclaw.json": "{ $include: [] }" } },
  { name: "a missing file", files: { "openclaw.json": '{ $include: "./no.json" }' } },
  { name: "a tilde", files: { "openclaw.json": '{ $include: "~/a.json" }' } },
  {
    name: "a list",
    files: { "openclaw.json": '{ agents: { list: { $include: "./a.json" } } }', "a.json": '[{ id: "x" }]' },
  },
  {
    name: "keys beside a list",
    files: { "openclaw.json": '{ agents: { list: { $include: "./a.json", x: 1 } } }', "a.json": "[]" },
  },
  { name: "an escaped $include", files: { "openclaw.json": '{ "\\u0024include": "./a.json" }', "a.json": LOCAL } },
  {
    name: "an included file of more than 2 MiB",
    files: { "openclaw.json": '{ $include: "a.json" }', "a.json": LOCAL + " ".repeat(2_097_152) },
  },
  { name: "nothing", files: { "openclaw.json": "" } },
  { name: "a list for a config", files: { "openclaw.json": "[]" } },
  { name: "a byte order mark", files: { "openclaw.json": `\uFEFF${LOCAL}` } },
  { name: "bytes that are no UTF-8", files: { "openclaw.json": Buffer.from(`/* caf\xe9 */ ${LOCAL}`, "latin1") } },
  { name: "keys given twice", files: { "openclaw.json": '{ gateway: 5, gateway: { mode: "nope", mode: "local" } }' } },
];

describe.each(HOST_VERSIONS)("%s", (version) => {
  let home: Home;
  beforeAll(async () => {
    home = await createHome(await ensureHost(version));
  });
  afterAll(() => home.dispose());

  async function place({ name, files, symlinks = {}, hardLinks = {} }: Shape): Promise<string> {
    const dir = join(home.dir, name.replaceAll(/\W+/g, "-"));
    await mkdir(dir, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), text);
    }
    for (const [file, target] of Object.entries(symlinks)) await symlink(target, join(dir, file));
    for (const [file, target] of Object.entries(hardLinks)) await link(join(dir, target), join(dir, file));
    return join(dir, "openclaw.json");
  }

  test.concurrent.each(shapes)("takes or refuses, as we say: $name", async (shape) => {
    const config = await place(shape);
    const run = await home.run(["config", "validate", "--json"], { env: { OPENCLAW_CONFIG_PATH: config } });
    const { valid } = JSON.parse(run.stdout) as { valid: boolean };
    const { problem } = readConfigGraph(config, home.env);
    expect(problem === null, problem?.message).toBe(valid);
  });

  test.concurrent("merges includes as we do, and resolves references as we do", async () => {
    const config = await place({
      name: "merged",
      files: {
        "openclaw.json": `{
          $include: ["./a.json", "sub/b.json"],
          env: { vars: { OWN_X: "hello" } },
          session: { resetTriggers: ["own"], dmScope: "per-peer" },
        }`,
        "a.json": `{ session: { resetTriggers: ["a", "\${OWN_X}"], dmScope: "main", scope: "per-sender" } }`,
        "sub/b.json": '{ session: { $include: "./c.json", scope: "global" } }',
        "sub/c.json": `{ resetTriggers: ["c", "$\${OWN_X}"], scope: "per-sender" }`,
      },
    });
    const env = { OPENCLAW_CONFIG_PATH: config };
    const { stdout } = await home.run(["config", "get", "session", "--json"], { env });
    const { session } = readConfigGraph(config, home.env).value as { session: object };
    expect(session).toMatchObject({ dmScope: "per-peer", scope: "global" });
    expect(JSON.parse(stdout)).toMatchObject(session);
  });
});
