import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Home } from "./home.ts";

/**
 * Runs code in a process of the home with functions of the host's own program at hand. They are found by name in the
 * program's files, whose names change with each release.
 *
 * @param names Functions of the host; `code` finds each in `host.<name>`.
 * @param code Body of an async function of `(host, input)`; what it returns has to be JSON.
 */
export async function callHost(home: Home, names: readonly string[], code: string, input: unknown): Promise<unknown> {
  const dist = join(home.host.root, "dist");
  const files = new Map<string, string>();
  for (const name of await readdir(dist)) {
    if (!/\.m?js$/.test(name)) continue;
    const text = await readFile(join(dist, name), "utf8");
    for (const wanted of names) {
      if (new RegExp(`^(?:async )?function ${wanted}\\(`, "m").test(text) && exportsOf(text).includes(wanted)) {
        files.set(wanted, name);
      }
    }
  }
  const missing = names.filter((name) => !files.has(name));
  if (missing.length > 0) throw new Error(`${home.host.version} has no ${missing.join(", ")}`);
  const script = join(home.dir, "call-host.mjs");
  const found = [...files].map(([name, file]) => [name, pathToFileURL(join(dist, file)).href]);
  await writeFile(
    script,
    `const host = {};
for (const [name, file] of ${JSON.stringify(found)})
  host[name] = Object.values(await import(file)).find((value) => value?.name === name);
const result = await (async (host, input) => {${code}})(host, ${JSON.stringify(input)});
process.stdout.write("\\nresult " + JSON.stringify(result) + "\\n", () => process.exit(0));
`,
  );
  const child = await home.spawnFile(home.host.node, [script], { timeoutMs: 120_000 });
  const { stdout, stderr } = await child.finished;
  const line = stdout.split("\n").findLast((text) => text.startsWith("result "));
  if (line === undefined) throw new Error(`no result: ${stdout}${stderr}`);
  return JSON.parse(line.slice("result ".length));
}

/** Local names in the closing `export { name as x, … }` of a file. */
function exportsOf(text: string): string[] {
  const list = /^export \{([^}]*)\};?\s*$/m.exec(text)?.[1] ?? "";
  return list.split(",").map((one) => one.trim().split(" ")[0] ?? "");
}
