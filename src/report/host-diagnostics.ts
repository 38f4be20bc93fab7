import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { runHost } from "../engine/host-run.ts";
import type { Facts } from "../facts/facts.ts";
import type { GatewayProcess } from "../facts/gateway.ts";

/** The host collects for some seconds, on a stuck gateway for longer. Milliseconds. */
const LIMIT_MS = 120_000;
/** Larger than any export the host makes by default, which looks at a megabyte of log. */
const MOST_BYTES = 64 * 1_048_576;

/** The host's own export, or why there is none. */
export type HostDiagnostics = { readonly zip: Uint8Array } | { readonly why: string };

/** Lets the host write its own diagnostics export into a private folder that is removed after. Never throws. */
export async function hostDiagnostics(facts: Facts, gateway: GatewayProcess | null): Promise<HostDiagnostics> {
  const command = facts.hostCommand();
  if (command === null) return { why: "no `openclaw` command was found on the PATH" };
  const dir = mkdtempSync(path.join(os.tmpdir(), "vitals-report-"));
  try {
    const file = path.join(dir, "diagnostics.zip");
    const args = ["gateway", "diagnostics", "export", "--json", "--output", file];
    const run = await runHost(args, command, gateway ?? { port: 0, ownsPort: false }, LIMIT_MS);
    if (run.ended === "timeout") return { why: `OpenClaw's export was not done within ${LIMIT_MS / 1000} s` };
    if (run.ended === "not found") return { why: "the `openclaw` command could not be started" };
    const zip = readZip(file);
    // Its output may quote anything: only the exit code is told.
    return zip === null ? { why: `OpenClaw's export wrote no zip (exit code ${run.exitCode})` } : { zip };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function readZip(file: string): Uint8Array | null {
  try {
    if (statSync(file).size > MOST_BYTES) return null;
    const bytes = readFileSync(file);
    return bytes.subarray(0, 2).toString("latin1") === "PK" ? bytes : null;
  } catch {
    return null;
  }
}
