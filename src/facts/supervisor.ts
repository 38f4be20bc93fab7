import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** What keeps a gateway running, and so the words that tell a person how to restart it for good. */
export interface Supervisor {
  readonly kind: "systemd" | "launchd" | "task" | "container" | "none";
  /** A command, or what to do; a clause that can follow "to restart it:". */
  readonly restart: string;
}

export interface SupervisorProbes {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** Folder that stands for `/`. */
  readonly root: string;
  /** Names the service where it is not the default one: the profile, and the host's variables for its name. */
  readonly env: NodeJS.ProcessEnv;
  readonly stateDir: string;
}

/** Variables by which the host names its service. */
export const SERVICE_VARIABLES = [
  "OPENCLAW_PROFILE",
  "OPENCLAW_SYSTEMD_UNIT",
  "OPENCLAW_LAUNCHD_LABEL",
  "OPENCLAW_WINDOWS_TASK_NAME",
] as const;

/** Finds out by what this process is kept running. Reads files, asks no service manager. */
export function findSupervisor(pid: number, probes: SupervisorProbes): Supervisor {
  const { platform, env } = probes;
  if (platform === "darwin") return launchd(probes) ?? foreground(env);
  if (platform === "win32") return task(probes) ?? foreground(env);
  if (platform !== "linux") return foreground(env);
  return systemd(pid, probes) ?? container(pid, probes) ?? foreground(env);
}

/** The agent of the user who logged in, or a daemon somebody set up for the whole machine. */
function launchd({ home, root, env }: SupervisorProbes): Supervisor | null {
  const profile = profileOf(env);
  const label = told(env["OPENCLAW_LAUNCHD_LABEL"]) ?? `ai.openclaw.${profile ?? "gateway"}`;
  const restart = (target: string): Supervisor => ({ kind: "launchd", restart: `\`${target}/${label}\`` });
  if (existsSync(path.join(home, "Library/LaunchAgents", `${label}.plist`)))
    return restart("launchctl kickstart -k gui/$UID");
  if (existsSync(path.join(root, "Library/LaunchDaemons", `${label}.plist`)))
    return restart("sudo launchctl kickstart -k system");
  return null;
}

/** The scheduled task the host installs runs a script in the state dir. */
function task({ env, stateDir }: SupervisorProbes): Supervisor | null {
  if (!existsSync(path.join(stateDir, "gateway.cmd"))) return null;
  const profile = profileOf(env);
  const own = `OpenClaw Gateway${profile === null ? "" : ` (${profile})`}`;
  const name = told(env["OPENCLAW_WINDOWS_TASK_NAME"], /^[\w .()@-]+$/) ?? own;
  return { kind: "task", restart: `\`schtasks /End /TN "${name}"\`, then \`schtasks /Run /TN "${name}"\`` };
}

/** The systemd unit of OpenClaw a process belongs to; other units only happen to have started it. */
function systemd(pid: number, { root, env }: SupervisorProbes): Supervisor | null {
  const groups = controlGroups(pid, root);
  const unit = /\/([\w.@:-]+)\.service$/m.exec(groups)?.[1];
  if (unit === undefined) return null;
  const named = told(env["OPENCLAW_SYSTEMD_UNIT"])?.replace(/\.service$/, "");
  if (unit !== named && !/openclaw|clawdbot|moltbot/.test(unit)) return null;
  const manager = /\/user@\d+\.service\//.test(groups) ? "systemctl --user" : "systemctl";
  return { kind: "systemd", restart: `\`${manager} restart ${unit}.service\`` };
}

/** From outside its container a process names it; within, there are only the marks that it is one. */
function container(pid: number, { root }: SupervisorProbes): Supervisor | null {
  const groups = controlGroups(pid, root);
  const marked = (mark: string): boolean => existsSync(path.join(root, mark));
  const restart = (how: string): Supervisor => ({ kind: "container", restart: how });
  if (/kubepods/.test(groups) || marked("var/run/secrets/kubernetes.io"))
    return restart("restart its pod from outside, e.g. `kubectl delete pod <pod>`, after which another one is started");
  const [, engine, id] = /\b(docker|libpod)[-/]([0-9a-f]{12})[0-9a-f]{52}/.exec(groups) ?? [];
  const podman = engine === "libpod" || (engine === undefined && marked("run/.containerenv"));
  const command = `${podman ? "podman" : "docker"} restart`;
  if (id !== undefined) return restart(`\`${command} ${id}\``);
  return podman || marked(".dockerenv")
    ? restart(`restart its container from outside, e.g. \`${command} <container>\``)
    : null;
}

function foreground(env: NodeJS.ProcessEnv): Supervisor {
  const profile = profileOf(env);
  const openclaw = `openclaw${profile === null ? "" : ` --profile ${profile}`}`;
  return { kind: "none", restart: `stop it where it runs (Ctrl-C) and start it again: \`${openclaw} gateway run\`` };
}

/** As the host reads it: `default` is none. */
function profileOf(env: NodeJS.ProcessEnv): string | null {
  const profile = told(env["OPENCLAW_PROFILE"]);
  return profile === null || profile.toLowerCase() === "default" ? null : profile;
}

/** A name that can stand in a command as it is; null for none, and for anything else. */
function told(value: string | undefined, form = /^[\w.@-]+$/): string | null {
  const name = value?.trim() ?? "";
  return form.test(name) ? name : null;
}

function controlGroups(pid: number, root: string): string {
  try {
    return readFileSync(path.join(root, "proc", String(pid), "cgroup"), "utf8");
  } catch {
    return "";
  }
}
