/** What the documents say is true of the program: commands parse, links lead somewhere, keys and scripts exist. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { x } from "tinyexec";
import { describe, expect, test } from "vitest";
import { COMMANDS, parseCommandLine } from "../src/cli/options.ts";
import { catalogue, selectEntries } from "../src/engine/catalogue.ts";
import { policyFor } from "../src/engine/diagnose.ts";
import { policyKeys } from "../src/engine/policy-schema.ts";
import { gatherFacts } from "../src/facts/facts.ts";
import { packageFile } from "../src/package.ts";
import { makeSandbox, temporaryFolder } from "./engine/sandbox.ts";

const { scripts, dependencies, files } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  files: string[];
};
const DOCUMENTS = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...readdirSync(packageFile("docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name.split(path.sep).join("/")}`),
];
/** What stands for something else in a command, and an example of it. */
const PLACEHOLDERS: Record<string, string> = {
  "<run>": "20261121T105502Z-f19035",
  "<version>": "2026.9.6",
  "<id>": "stale-lock",
  "<file>": "a.json",
  "[name]": "before",
  "save|compare": "save",
  "cold-start": "stale-lock",
};

function read(name: string): string {
  return readFileSync(packageFile(name), "utf8");
}

/** Everything set as code: fenced blocks, indented blocks, spans. */
function codeOf(text: string): string[] {
  const blocks: string[] = [];
  const rest = text.replace(/^```[a-z]*\n(.*?)^```$/gms, (_, code: string) => {
    blocks.push(...code.replaceAll("\\\n", " ").split("\n"));
    return "";
  });
  const indented = rest.split("\n").filter((line) => /^ {4}\S/.test(line));
  const spans = [...rest.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span.replace(/\s*\n\s*/g, " "));
  return [...blocks, ...indented, ...spans];
}

/** The command lines of this program in some code: what follows its name, up to a comment or the shell's next word. */
function commandsOf(text: string): string[][] {
  return codeOf(text).flatMap((written) => {
    let line = written;
    for (const [name, example] of Object.entries(PLACEHOLDERS)) line = line.replaceAll(name, example);
    const [, found] = /(?:^|[\s=(])openclaw[- ]vitals(?=$|[ ;])((?: [^\s#|&;>`"]+(?=$|[\s;"`]))*)/.exec(line) ?? [];
    return found === undefined ? [] : [found.trim().split(" ").filter(Boolean)];
  });
}

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

describe.each(DOCUMENTS)("%s", (document) => {
  const text = read(document);

  test("each command in it is understood", () => {
    for (const argv of commandsOf(text)) {
      const shown = `openclaw-vitals ${argv.join(" ")}`;
      const options = parse(argv, shown);
      expect(() => selectEntries(options.only, options.skip), shown).not.toThrow();
      if (options.command === "explain") expect(catalogue().map(({ id }) => id)).toContain(options.operands[0]);
    }
  });

  test("each link leads to a file and a heading", () => {
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = "", heading] = target.split("#");
      const name = file === "" ? document : path.posix.join(path.posix.dirname(document), file);
      expect(existsSync(packageFile(name)), `${target} in ${document}`).toBe(true);
      if (heading === undefined) continue;
      const headings = [...read(name).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => anchor(title));
      expect(headings, `${target} in ${document}`).toContain(heading);
    }
  });

  test("each policy key it names exists", () => {
    const keys = policyKeys().map(([key]) => key);
    const groups = new Set(keys.filter((key) => key.includes(".")).map((key) => key.split(".")[0]));
    const named = [...text.matchAll(/`([a-z][A-Za-z]*)\.([A-Za-z][\w.<>-]*)`/g)]
      .filter(([, group = ""]) => groups.has(group))
      .map(([, group, rest]) => `${group}.${rest}`.replace("checks.<id>", "checks.stale-lock"));
    expect(named.filter((key) => !keys.includes(key))).toEqual([]);
  });

  test("each source file it names exists", () => {
    const named = [...text.matchAll(/\b(?:src|checks|fixes|test|scripts|bench)\/[\w./-]+\.(?:ts|js|json)\b/g)];
    const files = named.map(([name]) => name).filter((name) => !name.includes("cold-start"));
    expect(files.filter((name) => !existsSync(packageFile(name)))).toEqual([]);
  });

  test("each script of npm it names exists", () => {
    const named = [...text.matchAll(/\bnpm run ([\w:]+)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

function parse(argv: readonly string[], shown: string) {
  try {
    return parseCommandLine(argv);
  } catch (error) {
    throw new Error(`${shown}: ${(error as Error).message}`);
  }
}

test("the tests above find what they should", () => {
  expect(commandsOf("    openclaw-vitals undo <run> --repair 2    one repair")).toEqual([
    ["undo", "20261121T105502Z-f19035", "--repair", "2"],
  ]);
  expect(commandsOf("x `openclaw vitals fix\n--only stale-lock` y")).toEqual([["fix", "--only", "stale-lock"]]);
  expect(commandsOf("```sh\nnpx openclaw-vitals  # look\nopenclaw-vitals --json > a || b\n```")).toEqual([
    [],
    ["--json"],
  ]);
  expect(
    commandsOf('`openclaw-vitals-metrics` and `import x from "openclaw-vitals"` and openclaw-vitals nothing'),
  ).toEqual([]);
  expect(() => parse(["nothing"], "")).toThrow('There is no command "nothing".');
  expect(anchor("What leaves, and what does not")).toBe("what-leaves-and-what-does-not");
});

test("the README has commands to look at, and its table has all of them", () => {
  expect(commandsOf(read("README.md")).length).toBeGreaterThan(10);
  const [, table = ""] = /\n## Commands\n(.*?)\n## /s.exec(read("README.md")) ?? [];
  const named = [...table.matchAll(/^\| (`[^|]*(?:\\\|[^|]*)*) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([a-z]+)/g)].map(([, name]) => name),
  );
  expect(named.sort()).toEqual(Object.keys(COMMANDS).sort());
});

test("each page of a check has the same parts", () => {
  const parts = ["What it finds", "What it means for you", "Evidence", "What the repair does", "Undo", "References"];
  for (const { id } of catalogue()) {
    const headings = [...read(`docs/checks/${id}.md`).matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(
      headings.filter((title) => parts.includes(title ?? "")),
      id,
    ).toEqual(parts);
  }
});

test("each page of a check tells of the issues that the catalogue names", () => {
  for (const { id, references } of catalogue())
    for (const number of references) expect(read(`docs/checks/${id}.md`), id).toContain(`#${number}`);
});

test("each document that the program or a published page refers to is published", () => {
  const published = (name: string) => files.some((one) => name === one || name.startsWith(`${one}/`));
  const pages = DOCUMENTS.filter(published);
  expect(pages.length).toBeGreaterThan(catalogue().length);
  const sources = ["src", "checks", "fixes"].flatMap((folder) =>
    readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `${folder}/${name}`),
  );
  for (const document of [...pages, ...sources]) {
    const text = read(document);
    const named = [...text.matchAll(/\bdocs\/[\w/-]+\.(?:md|yml)/g)].map(([name]) => name);
    const linked = [...text.matchAll(/\]\(([^)\s#:]+)/g)].map(([, target = ""]) =>
      path.posix.join(path.posix.dirname(document), target),
    );
    const missing = [...named, ...(document.endsWith(".md") ? linked : [])].filter((name) => !published(name));
    expect(missing, document).toEqual([]);
  }
});

test("each production dependency has its reason", () => {
  const [, table = ""] = /\n## Dependencies\n(.*?)\n## /s.exec(read("CONTRIBUTING.md")) ?? [];
  const named = [...table.matchAll(/^\| ([a-z][\w@/-]*) +\| \S/gm)].map(([, name]) => name);
  expect(named).toEqual(Object.keys(dependencies).sort());
});

/** Fenced blocks of one language in all documents. */
function blocks(language: string): { document: string; code: string }[] {
  return DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => ({
      document,
      code,
    })),
  );
}

test("each policy that is shown is one", async () => {
  const shown = blocks("yaml").filter(({ code }) => /^# \S*vitals\S*\.yaml$/m.test(code));
  expect(shown.length).toBeGreaterThan(0);
  for (const { code } of shown) {
    const sandbox = makeSandbox();
    const policyFile = path.join(sandbox.stateDir, "shown.yaml");
    writeFileSync(policyFile, code);
    const { policy } = await policyFor(gatherFacts(sandbox.options), { policyFile });
    expect(policy).toBeDefined();
  }
});

test.skipIf(process.platform === "win32")("each script that is shown is one", async () => {
  const folder = temporaryFolder();
  const shown = blocks("sh");
  expect(shown.length).toBeGreaterThan(5);
  for (const [index, { document, code }] of shown.entries()) {
    const file = path.join(folder, `${index}.sh`);
    writeFileSync(file, code.replaceAll(/<\w+>/g, "placeholder"));
    const { exitCode, stderr } = await x("sh", ["-n", file]);
    expect({ exitCode, stderr }, document).toEqual({ exitCode: 0, stderr: "" });
  }
});

describe("the recording", () => {
  const svg = read("docs/recording.svg");
  const shown = [...svg.matchAll(/>([^<>]+)<\/text>/g)].map(([, text = ""]) => text);

  test("shows commands that there are, and what came of them", () => {
    const typed = shown.filter((text) => /^\$ openclaw-vitals \S/.test(text)).map((text) => text.split(" ").slice(2));
    const whole = typed.filter(([command = ""]) => Object.hasOwn(COMMANDS, command));
    expect(new Set(whole.map(([command]) => command))).toEqual(new Set(["check", "undo"]));
    expect(shown).toContain("$ openclaw-vitals");
    for (const word of ["error", "✓ repaired", "restored"]) expect(shown).toContain(word);
  });

  test("names nothing of the machine it was made on", () => {
    for (const name of [os.hostname(), os.homedir(), os.userInfo().username, packageFile("").replace(/\/$/, "")])
      if (name.length > 4) expect(shown.filter((text) => text.includes(name))).toEqual([]);
    expect(shown.filter((text) => /\/(?:tmp|private|var)\//.test(text))).toEqual([]);
  });
});
