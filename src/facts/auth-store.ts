import { existsSync } from "node:fs";
import path from "node:path";
import { errorCode } from "../engine/errors.ts";
import { recordOf } from "./json-record.ts";
import { readRegularFile, Unsuitable } from "./regular-file.ts";
import { readDatabaseCopy } from "./sqlite-copy.ts";

/** A sign-in as far as counting needs it. What it holds is looked at once and not kept. */
export interface StoredProfile {
  /** As the host compares names of providers. */
  readonly provider: string;
  readonly type: "api_key" | "oauth" | "token";
  /** The host would try it: it holds something, and a token has not ended. */
  readonly usable: boolean;
}

/** The sign-ins of one folder of an agent. */
export interface AuthStore {
  readonly profiles: ReadonlyMap<string, StoredProfile>;
  /** Order the user gave, by provider. */
  readonly order: ReadonlyMap<string, readonly string[]>;
}

export interface AuthStoreRead {
  readonly store: AuthStore;
  /** One sentence each. */
  readonly problems: readonly string[];
}

const MAX_BYTES = 8_388_608;
const FILES = { profiles: "auth-profiles.json", state: "auth-state.json", database: "openclaw-agent.sqlite" };
/** Other names of a provider, as the host rewrites them, and those its bundled plugins add for sign-ins. */
const PROVIDERS: Readonly<Record<string, string>> = {
  modelstudio: "qwen",
  qwencloud: "qwen",
  "z.ai": "zai",
  "z-ai": "zai",
  "opencode-zen": "opencode",
  "opencode-go-auth": "opencode-go",
  "anthropic-cli": "claude-cli",
  "kimi-code": "kimi",
  "kimi-coding": "kimi",
  moonshotai: "moonshot",
  "moonshot-ai": "moonshot",
  bedrock: "amazon-bedrock",
  "aws-bedrock": "amazon-bedrock",
  bytedance: "volcengine",
  doubao: "volcengine",
  "byteplus-plan": "byteplus",
  "minimax-cn": "minimax",
  "minimax-portal-cn": "minimax-portal",
  "volcengine-plan": "volcengine",
};

export function providerName(name: string): string {
  const key = name.trim().toLowerCase();
  return PROVIDERS[key] ?? key;
}

/**
 * Reads the sign-ins in an agent's folder: from its database where it has one (2026.7), else from `auth-profiles.json`.
 * What the host would pass over is passed over. Never throws.
 */
export async function readAuthStore(agentDir: string): Promise<AuthStoreRead> {
  const { texts, problems } = existsSync(path.join(agentDir, FILES.database))
    ? await readTable(path.join(agentDir, FILES.database))
    : readFiles(agentDir);
  const store = recordOf(texts.profiles);
  const profiles = new Map<string, StoredProfile>();
  for (const [id, entry] of Object.entries(recordOf(store["profiles"]))) {
    const profile = readProfile(entry);
    if (profile !== null) profiles.set(id, profile);
  }
  // The file beside wins over what older versions kept in the store itself.
  const order = new Map([...readOrder(store["order"]), ...readOrder(recordOf(texts.state)["order"])]);
  return { store: { profiles, order }, problems };
}

/** An agent's own sign-ins laid over those of `main`, which every agent may use. */
export function mergeStores(main: AuthStore, own: AuthStore): AuthStore {
  return {
    profiles: new Map([...main.profiles, ...own.profiles]),
    order: new Map([...main.order, ...own.order]),
  };
}

interface Texts {
  readonly texts: { readonly profiles: unknown; readonly state: unknown };
  readonly problems: readonly string[];
}

function readFiles(dir: string): Texts {
  const problems: string[] = [];
  const read = (name: string): unknown => {
    const file = path.join(dir, name);
    try {
      return JSON.parse(readRegularFile(file, MAX_BYTES).bytes.toString("utf8"));
    } catch (error) {
      // The parser's own message quotes the text, which is a secret.
      const why =
        error instanceof Unsuitable
          ? "is not a regular file of a sensible size"
          : error instanceof SyntaxError
            ? "is not valid JSON"
            : `cannot be read (${errorCode(error)})`;
      if (errorCode(error) !== "ENOENT") problems.push(`${file} ${why}, its sign-ins were not counted`);
      return undefined;
    }
  };
  return { texts: { profiles: read(FILES.profiles), state: read(FILES.state) }, problems };
}

async function readTable(file: string): Promise<Texts> {
  const read = await readDatabaseCopy(file, (db) => ({
    profiles: cell(() =>
      db.prepare("SELECT store_json AS text FROM auth_profile_store WHERE store_key = 'primary'").get(),
    ),
    state: cell(() =>
      db.prepare("SELECT state_json AS text FROM auth_profile_state WHERE state_key = 'primary'").get(),
    ),
  }));
  if (read.status === "read") return { texts: read.value, problems: [] };
  const problems = read.status === "missing" ? [] : [`${file} ${read.why}, its sign-ins were not counted`];
  return { texts: { profiles: undefined, state: undefined }, problems };
}

/** Undefined for a table or row that is not there, and for what is no JSON: the host takes them so too. */
function cell(row: () => unknown): unknown {
  try {
    return JSON.parse(String(recordOf(row())["text"]));
  } catch {
    return undefined;
  }
}

function readProfile(value: unknown): StoredProfile | null {
  const entry = recordOf(value);
  const type = entry["type"] ?? entry["mode"];
  const provider = typeof entry["provider"] === "string" ? providerName(entry["provider"]) : "";
  if ((type !== "api_key" && type !== "oauth" && type !== "token") || provider === "") return null;
  return { provider, type, usable: isUsable(type, entry) };
}

function isUsable(type: StoredProfile["type"], entry: Record<string, unknown>): boolean {
  if (type === "api_key") return holds(entry["key"] ?? entry["apiKey"]) || holds(entry["keyRef"]);
  if (type === "token") return (holds(entry["token"]) || holds(entry["tokenRef"])) && !hasEnded(entry["expires"]);
  // `oauthRef`: the tokens lie in a file of their own.
  return holds(entry["access"]) || holds(entry["refresh"]) || holds(entry["oauthRef"]);
}

/** A text, or a reference to where the text is kept. */
function holds(value: unknown): boolean {
  if (typeof value === "string") return value.trim() !== "";
  const { source, id } = recordOf(value);
  return typeof source === "string" && typeof id === "string" && id.trim() !== "";
}

/** A token without an end counts; one with an end that is no time does not. */
function hasEnded(expires: unknown): boolean {
  if (expires === undefined) return false;
  return typeof expires !== "number" || !Number.isFinite(expires) || expires <= Date.now();
}

function readOrder(value: unknown): Map<string, string[]> {
  const order = new Map<string, string[]>();
  for (const [provider, ids] of Object.entries(recordOf(value))) {
    const list = Array.isArray(ids)
      ? ids.filter((id): id is string => typeof id === "string").map((id) => id.trim())
      : [];
    if (list.some(Boolean)) order.set(providerName(provider), list.filter(Boolean));
  }
  return order;
}
