/**
 * Runs under a Node that is too old for all else. It imports nothing of ours, whatever that would save, because all of
 * that may be built into one file with what such a Node cannot read; and `node:fs` only when it runs, because the build
 * makes of other imports what such a Node does not have.
 */

/** Says which Node is needed, as a document on stdout too for `--json`, and sets exit code 2. */
export async function refuse(argv: readonly string[]): Promise<void> {
  const { version, engines } = await ownPackage(new URL(".", import.meta.url));
  const message = `openclaw-vitals needs Node ${engines.node}; this is ${process.versions.node}.`;
  const remedy = "Install a newer Node from https://nodejs.org, or put one first on the PATH.";
  const document = {
    schemaVersion: 1,
    ok: false,
    checksRun: 0,
    checksSkipped: 0,
    findings: [],
    tool: { name: "openclaw-vitals", version },
    error: { message, remedy },
  };
  if (/(^| )(--json|--format[= ]json)( |$)/.test(argv.join(" "))) process.stdout.write(`${JSON.stringify(document)}\n`);
  process.stderr.write(`${message} ${remedy}\n`);
  process.exitCode = 2;
}

async function ownPackage(folder: URL): Promise<{ version: string; engines: { node: string } }> {
  const { existsSync, readFileSync } = await import("node:fs");
  if (existsSync(new URL("manifest.json", folder)))
    return JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
  return await ownPackage(new URL("..", folder));
}
