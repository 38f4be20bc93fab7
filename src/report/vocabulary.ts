import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { isBuilt, packageFile } from "../package.ts";

/** A word, with what joins words to one: `sub-agent`, `OpenClaw's`, `agents.defaults`, `2026.9.6`. */
export const TOKEN = /[\p{L}\p{N}_]+(?:[-'.@+:/][\p{L}\p{N}_]+)*/gu;

/** Where the sentences of findings are made. */
const SOURCES = ["checks", "fixes", "src/engine", "src/facts", "src/report"];

/** What OpenClaw itself calls its channels and model providers; who uses them is told by nothing else. */
const WELL_KNOWN = `discord feishu googlechat imessage irc line matrix mattermost msteams nextcloud-talk nostr signal slack
  synology-chat telegram tlon twitch webchat whatsapp zalo zalouser amazon-bedrock anthropic cerebras deepseek google
  google-vertex groq github-copilot huggingface lmstudio minimax mistral moonshot nvidia ollama openai openai-codex
  openrouter qwen together vercel-ai-gateway vllm xai zai`;

let words: ReadonlySet<string> | undefined;

/**
 * Every word that stands in this program's own text: what findings can say without repeating a name or a value. It is
 * read from the code that runs, so that a new sentence needs no list to be kept, and nothing else gets into it.
 */
export function vocabulary(): ReadonlySet<string> {
  words ??= new Set([...texts(), WELL_KNOWN].flatMap((text) => text.match(TOKEN) ?? []));
  return words;
}

function texts(): string[] {
  const folders = isBuilt() ? ["dist"] : SOURCES;
  const files = folders.flatMap((folder) =>
    readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => (isBuilt() ? name.endsWith(".js") : /(?<!\.d)\.(ts|json)$/.test(name)))
      .map((name) => path.join(packageFile(folder), name)),
  );
  return [...files, packageFile("manifest.json")].map((file) => withoutComments(readFileSync(file, "utf8")));
}

/** Comments are for readers of the code: words of them never reach a finding. Escapes are no letters. */
function withoutComments(code: string): string {
  return code
    .replace(/\/\*\*?\s[\s\S]*?\*\//g, " ")
    .replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, " ")
    .replace(/\\[nrt]/g, " ");
}
