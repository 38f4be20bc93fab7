/**
 * No output of any command in any format, and no line of the journal, holds a secret of the config or around it.
 * Long because the secrets, where they are put, and every command in every format belong to one proof.
 */
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { FORMATS } from "../../src/cli/options.ts";
import { catalogue } from "../../src/engine/catalogue.ts";
import { hostCheck } from "../../src/host/health-checks.ts";
import { diagnose } from "../../src/index.ts";
import { setAge } from "../engine/sandbox.ts";
import { deadPid, put, tempDir } from "../facts/sandbox.ts";
import { cli } from "./terminal.ts";

/** Letters that are in no number, hash or id of ours, so that a part of a secret is told from anything else. */
const LETTERS = "GHJKMNPQRTVWXYZ";

/** Secrets by the name of what holds them. */
class Vault {
  readonly #cores = new Map<string, string>();

  /** A new one for this holder; with characters that a URL, a shell or JSON would write otherwise. */
  plant(holder: string): string {
    const core = Array.from({ length: 24 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
    this.#cores.set(holder, core);
    return `s+/${core}=='`;
  }

  /** For places that take digits only. */
  plantNumber(holder: string): number {
    const number = randomInt(2 ** 47, 2 ** 48 - 1);
    this.#cores.set(holder, String(number));
    return number;
  }

  get size(): number {
    return this.#cores.size;
  }

  /** Holders whose secret, or a part of it, is in a text, as it is or encoded. */
  foundIn(text: string): string[] {
    const upper = text.toUpperCase();
    return [...this.#cores].flatMap(([holder, core]) => {
      const base64 = ["", "x", "xy"].map((lead) =>
        Buffer.from(lead + core)
          .toString("base64")
          .slice(4, -4),
      );
      const found =
        upper.includes(core.slice(0, 6)) ||
        upper.includes(core.slice(-6)) ||
        base64.some((part) => text.includes(part)) ||
        text.toLowerCase().includes(Buffer.from(core).toString("hex"));
      return found ? [holder] : [];
    });
  }
}

const HIGH = "{ agents: { defaults: { runRetries: { min: 99, max: 99 } } } }";
const ENV_NAMES = ["TELEGRAM_BOT_TOKEN", "ANTHROPIC_API_KEY", "OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];

/** A config with secrets in every corner and findings beside them. */
function config(vault: Vault, provider: string) {
  const s = (holder: string): string => vault.plant(holder);
  const url = (holder: string): string => `https://user:${encodeURIComponent(s(holder))}@example.invalid/x`;
  return {
    meta: { lastTouchedVersion: "2026.5.22" },
    env: { vars: { OPENAI_API_KEY: s("env.vars") }, GROQ_API_KEY: s("env") },
    gateway: {
      auth: { mode: "token", token: s("gateway.auth.token"), password: s("gateway.auth.password") },
      remote: {
        url: url("gateway.remote.url"),
        token: s("gateway.remote.token"),
        password: s("gateway.remote.password"),
      },
      tls: { passphrase: s("gateway.tls.passphrase") },
    },
    secrets: { providers: { vault: { token: s("secrets.providers") } } },
    models: {
      providers: {
        [provider]: {
          baseUrl: url("models.baseUrl"),
          apiKey: s("models.apiKey"),
          headers: { authorization: `Bearer ${s("models.headers")}` },
        },
      },
    },
    auth: { profiles: { "anthropic:me": { provider: "anthropic", mode: "api_key", key: s("auth.profiles") } } },
    agents: {
      defaults: {
        runRetries: { min: 160, max: 200, note: s("runRetries.note") },
        memorySearch: { remote: { apiKey: s("memorySearch.apiKey"), headers: { cookie: s("memorySearch.cookie") } } },
        subagents: { runTimeoutSeconds: 0, token: s("subagents.token") },
        sandbox: { docker: { env: { DB_PASSWORD: s("sandbox.env") } }, ssh: { identityData: s("sandbox.ssh") } },
      },
      list: [
        { id: "coder", runRetries: { min: 90, max: 90, token: s("agent.token") } },
        { id: "writer", tools: { exec: { timeoutSec: 3_000_000, env: { PIN: vault.plantNumber("agent.pin") } } } },
      ],
    },
    tools: {
      exec: { timeoutSec: 2_999_999, token: s("tools.exec.token") },
      web: { search: { apiKey: s("tools.web.search"), perplexity: { apiKey: s("tools.web.perplexity") } } },
      media: { audio: { request: { auth: { token: s("tools.media") } } } },
    },
    channels: {
      telegram: {
        botToken: s("telegram.botToken"),
        webhookSecret: s("telegram.webhookSecret"),
        proxy: url("telegram.proxy"),
        retry: { attempts: 99 },
        accounts: { work: { botToken: s("telegram.account"), retry: { attempts: 77 } } },
      },
      discord: { token: s("discord.token"), retry: { attempts: 98, token: s("discord.retry") } },
      slack: { appToken: s("slack.appToken"), botToken: s("slack.botToken"), signingSecret: s("slack.signingSecret") },
      googlechat: { serviceAccount: { private_key: s("googlechat.key") }, retry: { attempts: 64 } },
      msteams: { appPassword: s("msteams.appPassword") },
      nostr: { privateKey: s("nostr.privateKey") },
    },
    cron: { webhookToken: s("cron.webhookToken"), retry: { maxAttempts: 99, token: s("cron.retry") } },
    web: { reconnect: { maxAttempts: 50, cookie: s("web.cookie") } },
    hooks: { token: s("hooks.token"), gmail: { pushToken: s("hooks.gmail") } },
    talk: { apiKey: s("talk.apiKey") },
    messages: { tts: { elevenlabs: { apiKey: s("tts.apiKey") } } },
    browser: { profiles: { remote: { cdpUrl: url("browser.cdpUrl") } } },
    skills: { entries: { x: { apiKey: s("skills.apiKey"), env: { KEY: s("skills.env") } } } },
    plugins: {
      entries: { x: { config: { clientSecret: s("plugins.clientSecret"), oauth: { refresh: s("oauth") } } } },
    },
    mcp: { servers: { x: { env: { TOKEN: s("mcp.env") }, headers: { "x-api-key": s("mcp.headers") } } } },
  };
}

type Layout = (config: Record<string, unknown>, vault: Vault) => { main: string; included: string };

const oneLine: Layout = (config) => {
  const { channels, ...rest } = config;
  return {
    main: JSON.stringify({ $include: "./included.json5", ...rest }),
    included: JSON.stringify({ channels }),
  };
};

/** Comments on every line that is edited, secrets before and behind, references to the environment, a key twice. */
const manyLines: Layout = (config, vault) => {
  const { agents, cron, ...rest } = config;
  const text = (value: unknown): string =>
    JSON.stringify(value, null, 2).replace(
      /^.*"(?:min|max|attempts|maxAttempts|runTimeoutSeconds)":.*$/gm,
      (line) => `/* ${vault.plant(`comment ${vault.size}`)} */ ${line} // ${vault.plant(`comment ${vault.size}`)}`,
    );
  const twice = `"cron": { "token": ${JSON.stringify(vault.plant("cron twice"))} },`;
  const references = ENV_NAMES.map((name) => `"${name}": "\${${name}}"`).join(", ");
  return {
    main: text({ $include: ["./included.json5"], ...rest, cron }).replace(
      "{",
      `{ "logging": { ${references} }, ${twice}`,
    ),
    included: text({ agents }),
  };
};

const dead = deadPid();

/** A state dir with all that, and everything else that holds secrets there. */
function install(layout: Layout) {
  const vault = new Vault();
  const stateDir = path.join(tempDir(), ".openclaw");
  const file = (name: string, text: string): string => put(path.join(stateDir, name), text);
  const { main, included } = layout(config(vault, "anthropic"), vault);
  file("openclaw.json", main);
  file("included.json5", included);
  file(".env", `BRAVE_API_KEY=${vault.plant(".env")}\nOPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS=0\n`);
  const profiles = Array.from({ length: 5 }, (_, n) => [
    `anthropic:${n}`,
    { type: "api_key", provider: "anthropic", key: vault.plant(`auth-profiles ${n}`) },
  ]);
  file("agents/coder/agent/auth-profiles.json", JSON.stringify({ version: 1, profiles: Object.fromEntries(profiles) }));
  const payload = {
    kind: "agentTurn",
    timeoutSeconds: 0,
    message: vault.plant("cron text"),
    to: vault.plant("cron to"),
  };
  file("cron/jobs.json", JSON.stringify([{ id: "nightly", name: vault.plant("cron name"), payload }]));
  const sessions = { [`agent:coder:${vault.plant("session key")}`]: { token: vault.plant("session token") } };
  file("agents/coder/sessions/sessions.json", JSON.stringify(sessions));
  file("agents/coder/sessions/one.jsonl", vault.plant("transcript"));
  const owner = { pid: dead, createdAt: new Date().toISOString() };
  file("agents/coder/sessions/one.jsonl.lock", JSON.stringify({ ...owner, token: vault.plant("lock") }));
  const env = Object.fromEntries(ENV_NAMES.map((name) => [name, vault.plant(`environment ${name}`)]));
  return { vault, stateDir, env: { ...env, OPENCLAW_GATEWAY_PORT: "1" } };
}

type Install = ReturnType<typeof install>;

/** What every command has; the other formats are for findings only. */
const PLAIN = ["human", "json"];

/** Runs a command in these formats. @returns what it wrote; fails when a secret is in it. */
async function say({ vault, stateDir, env }: Install, args: readonly string[], formats: readonly string[] = FORMATS) {
  let said = "";
  for (const format of formats) {
    const full = [...args, "--state-dir", stateDir, "--non-interactive", "--format", format];
    const { stdout, stderr } = await cli(full, env);
    expect(vault.foundIn(stdout + stderr), `${args.join(" ")} --format ${format}`).toEqual([]);
    said += stdout + stderr;
  }
  return said;
}

function expectJournalClean({ vault, stateDir }: Install): void {
  const dir = path.join(stateDir, "vitals");
  const journals = readdirSync(dir).filter((name) => name.endsWith(".jsonl"));
  expect(journals).not.toEqual([]);
  for (const name of journals) expect(vault.foundIn(readFileSync(path.join(dir, name), "utf8")), name).toEqual([]);
  if (process.platform === "win32") return;
  for (const name of ["", ...readdirSync(dir, { recursive: true, encoding: "utf8" })]) {
    const stat = statSync(path.join(dir, name));
    if (stat.isDirectory()) expect(stat.mode & 0o777, name).toBe(0o700);
    else if (/openclaw\.json$|included\.json5$/.test(name)) expect(stat.mode & 0o777, name).toBe(0o600);
  }
}

test("a secret, a part of one and an encoded one are recognised", () => {
  const vault = new Vault();
  const secret = vault.plant("x");
  vault.plant("y");
  const forms = [secret, secret.slice(0, 9), secret.slice(-9), encodeURIComponent(secret), JSON.stringify(secret)];
  for (const form of [...forms, secret.toLowerCase()]) expect(vault.foundIn(`a ${form} b`), form).toEqual(["x"]);
  for (const lead of ["", "a", "ab"]) {
    const bytes = Buffer.from(`${lead}${secret}`);
    for (const encoding of ["base64", "base64url", "hex"] as const)
      expect(vault.foundIn(bytes.toString(encoding)), encoding).toEqual(["x"]);
  }
  expect(vault.foundIn("nothing")).toEqual([]);
});

describe.each<[string, string, Layout]>([
  ["a config in one line", "2026.5.22", oneLine],
  ["a config with comments and references", "2026.5.22", manyLines],
  ["keys that the host gave up", "2026.9.6", manyLines],
])("%s on %s", (_, version, layout) => {
  test("no command tells a secret, and the journal holds none", async () => {
    const made = install(layout);
    expect(made.vault.size).toBeGreaterThan(60);
    const host = ["--host-version", version];
    expect(await say(made, ["check", ...host])).toMatch(/runRetries/);
    expect(await say(made, ["fix", "--dry-run", "--yes", ...host], [...PLAIN, "markdown"])).toMatch(
      /^(?:.*unifiedDiff.*@@)/m,
    );
    if (layout === manyLines && version === "2026.5.22") return; // repaired as one line is, only longer
    // What is repaired is told in one format and taken back in the next.
    for (const [index, format] of PLAIN.entries()) {
      const next = PLAIN[(index + 1) % PLAIN.length] ?? format;
      expect(await say(made, ["fix", "--yes", ...host], [format])).toMatch(/repaired/);
      if (index === 0) await say(made, ["history"]);
      expectJournalClean(made);
      expect(await say(made, ["undo"], [next])).toMatch(/restored/);
    }
    expectJournalClean(made);
  });
});

test("nor do those that tell what there is, or what cannot be done", async () => {
  const made = install(oneLine);
  for (const args of [["list"], ["explain", "retry-ceiling"], ["undo", "none"], ["nothing"]]) await say(made, args);
  await say(made, ["report"], PLAIN);
});

test("what stands in a lock is not told", async () => {
  const made = install(() => ({ main: "{}", included: "{}" }));
  for (const name of ["sessions/two.jsonl.lock", "agent/auth-profiles.json.lock"])
    setAge(put(path.join(made.stateDir, "agents/coder", name), made.vault.plant(name)), 3_600_000);
  expect(await say(made, ["check", "--only", "lock-without-transcript,config-lock"])).toContain("two.jsonl.lock");
});

test("the host's doctor is told no secret, though its config has them all in clear", async () => {
  const made = install(oneLine);
  const { vault, stateDir, env } = made;
  const command = { repairs: true, data: false, nonInteractive: true, yes: true, force: false };
  let changed = 0;
  for (const dryRun of [true, false])
    for (const entry of catalogue()) {
      const check = hostCheck(entry, command, "r");
      const cfg = config(vault, "openai");
      const configPath = path.join(stateDir, "openclaw.json");
      const ctx = { cfg, configPath, env: { ...env, OPENCLAW_STATE_DIR: stateDir, PATH: "" }, dryRun };
      const findings = await check.detect(ctx);
      const { config: back, ...told } = await check.repair(ctx, findings);
      if (back !== undefined) changed += 1;
      expect(vault.foundIn(JSON.stringify([findings, told])), entry.id).toEqual([]);
    }
  expect(changed).toBeGreaterThan(0);
  expectJournalClean(made);
});

describe("text that cannot be read", () => {
  const broken: [string, string, (secret: string) => string][] = [
    ["a secret without quotes", "openclaw.json", (secret) => `{ gateway: { auth: { token: ${secret} } } }`],
    ["a secret whose quote is missing", "openclaw.json", (secret) => `{ token: "${secret}\n, a: 1 }`],
    ["a secret at the end", "openclaw.json", (secret) => `{ a: 1 } ${secret}`],
    ["a secret for a config", "openclaw.json", (secret) => JSON.stringify(secret)],
    ["an included file", "included.json5", (secret) => `{ channels: { telegram: { botToken: '${secret} } } }`],
    ["cron jobs", "cron/jobs.json", (secret) => `[{ "id": "a", "text": "${secret} ]`],
    ["sign-ins", "agents/coder/agent/auth-profiles.json", (secret) => `{ "profiles": { "a": ${secret} } }`],
    ["a policy", "vitals.config.json", (secret) => `{ "retries": ${secret} }`],
    ["a policy in YAML", "vitals.config.yaml", (secret) => `retries: {a: "${secret}\nb: [`],
    ["a policy with a text", "vitals.config.json", (secret) => JSON.stringify({ retries: { ceiling: secret } })],
    ["a policy with a text for a word", "vitals.config.yaml", (secret) => `autoHeal: "${secret}"`],
    ["a policy with a text for an id", "vitals.config.json", (secret) => JSON.stringify({ silence: [{ id: secret }] })],
    [
      "a policy in the config with a text for a word",
      "openclaw.json",
      (secret) => JSON.stringify({ plugins: { entries: { vitals: { config: { autoHeal: secret } } } } }),
    ],
    [
      "a policy in the config",
      "openclaw.json",
      (secret) => JSON.stringify({ plugins: { entries: { vitals: { config: { retries: { ceiling: secret } } } } } }),
    ],
  ];

  test.each(broken)("%s is not quoted", async (_, name, text) => {
    const made = install(() => ({ main: '{ $include: "./included.json5" }', included: HIGH }));
    put(path.join(made.stateDir, name), text(made.vault.plant("broken").replaceAll("'", "")));
    const only = ["--only", "retry-ceiling,unbounded-timeout", "--host-version", "2026.5.22"];
    await say(made, ["check", ...only]);
    await say(made, ["fix", "--yes", ...only], ["json"]);
    const options = { stateDir: made.stateDir, env: made.env, only: ["retry-ceiling"] };
    const told = await diagnose(options).catch((error: Error) => error.stack);
    expect(made.vault.foundIn(JSON.stringify(told))).toEqual([]);
  });
});
