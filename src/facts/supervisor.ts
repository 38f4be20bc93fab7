import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** What keeps a gateway running, and so the words that tell a person how to restart it for good. */
export interface Supervisor {
  readonly kind: "systemd" | "launchd" | "container" | "none";
  /** A command, or what to do; a clause that can follow "to restart it:". */
  readonly restart: string;
}

export interface SupervisorProbes {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** Folder that stands for `/`. */
  readonly root: string;
}

const LAUNCH_LABEL = "ai.openclaw.gateway";

/** Finds out by what this process is kept running. Reads files, asks no service manager. */
export function findSupervisor(pid: number, probes: SupervisorProbes): Supervisor {
  const { platform, home, root } = probes;
  if (platform === "darwin" && existsSync(path.join(home, "Library/LaunchAgents", `${LAUNCH_LABEL}.plist`)))
    return { kind: "launchd", restart: `\`launchctl kickstart -k gui/$UID/${LAUNCH_LABEL}\`` };
  const unit = platform === "linux" ? unitOf(pid, root) : null;
  if (unit !== null) return { kind: "systemd", restart: `\`${unit}\`` };
  const marks = [".dockerenv", "run/.containerenv", "var/run/secrets/kubernetes.io"];
  if (platform === "linux" && marks.some((mark) => existsSync(path.join(root, mark))))
    return { kind: "container", restart: "restart its container from outside, e.g. `docker restart <container>`" };
  return { kind: "none", restart: "stop it where it runs (Ctrl-C) and start it again: `openclaw gateway run`" };
}

/** The systemd unit of OpenClaw a process belongs to; other units only happen to have started it. */
function unitOf(pid: number, root: string): string | null {
  let groups: string;
  try {
    groups = readFileSync(path.join(root, "proc", String(pid), "cgroup"), "utf8");
  } catch {
    return null;
  }
  const unit = /\/([\w.@-]*(?:openclaw|clawdbot|moltbot)[\w.@-]*\.service)$/m.exec(groups)?.[1];
  if (unit === undefined) return null;
  return `systemctl ${/\/user@\d+\.service\//.test(groups) ? "--user " : ""}restart ${unit}`;
}
