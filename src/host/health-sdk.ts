import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Finding, RepairDiff, RepairEffect } from "../engine/types.ts";
import { findHostPackage } from "../facts/installation.ts";

/** The host's context for a health check; `env` from 2026.9 on. */
export interface HostContext {
  readonly cfg: Readonly<Record<string, unknown>>;
  readonly configPath?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly dryRun?: boolean;
}

export type HostFinding = Pick<Finding, "checkId" | "severity" | "message" | "source"> & Partial<Finding>;

/** The host's `HealthRepairResult`. */
export interface HostRepairResult {
  readonly status: "repaired" | "skipped" | "failed";
  readonly reason?: string;
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  readonly diffs: readonly RepairDiff[];
  readonly effects: readonly RepairEffect[];
  /** The config as the host is to write it; absent when it stays. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The host's `HealthCheck`. */
export interface HostHealthCheck {
  readonly id: string;
  readonly kind: "plugin";
  readonly description: string;
  readonly source: string;
  detect(ctx: HostContext, scope?: { readonly paths?: readonly string[] }): Promise<readonly HostFinding[]>;
  repair(ctx: HostContext, findings: readonly HostFinding[]): Promise<HostRepairResult>;
}

interface HealthSdk {
  registerHealthCheck(check: HostHealthCheck): void;
  getHealthCheck(id: string): unknown;
}

/**
 * The running host's own registry of health checks; null outside a host.
 *
 * It is required by path from the program that runs: an import by name would be compiled into a second copy
 * of the registry on 2026.5.22, where registering changes nothing.
 */
export function findHealthSdk(program = process.argv[1]): HealthSdk | null {
  const own = findHostPackage(program)?.root;
  for (const root of [own, linkedHost()]) {
    const file = root && path.join(root, "dist", "plugin-sdk", "health.js");
    if (!file || !existsSync(file)) continue;
    const sdk = createRequire(file)(file) as Partial<HealthSdk>;
    if (typeof sdk.registerHealthCheck === "function" && typeof sdk.getHealthCheck === "function")
      return sdk as HealthSdk;
  }
  return null;
}

/** The peer link the host's installer makes beside this package. */
function linkedHost(): string | undefined {
  try {
    return findHostPackage(createRequire(import.meta.url).resolve("openclaw/package.json"))?.root;
  } catch {
    return undefined;
  }
}
