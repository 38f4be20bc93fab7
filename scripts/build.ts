/**
 * Makes dist/ from scratch, so that nothing of an earlier build is packed: the modules in a few files, because Node takes
 * longer to find and link two hundred small ones than this program takes for its work, and the types of the public API.
 */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Plugin, rolldown } from "rolldown";
import { x } from "tinyexec";

const OUT = "dist";
/** Where the compiler leaves all declarations; as of tsconfig.json. */
const TYPES = "dist/.types";
/** What is started or loaded by its path. */
const ENTRIES = [
  "src/cli/bin",
  "src/cli/demo-agent",
  "src/engine/baseline-control",
  "src/facts/lock-reader",
  "src/host/contract",
  "src/host/heal-worker",
  "src/host/plugin",
  "src/index",
];
/** What a run before each agent command needs, and with it all that these import. */
const CORE = [
  "src/cli/commands/check",
  "src/facts/gateway-port",
  "src/facts/processes-linux",
  "checks/stale-lock",
  "checks/lock-without-transcript",
];

/** What moving a lock away needs on top of that. */
const REMOVAL = [
  "src/cli/commands/fix",
  "src/engine/quarantine-repair",
  "fixes/stale-lock",
  "fixes/lock-without-transcript",
];

/** A check is loaded by its id; where each lies is known only now. Those of the core come with it. */
const checksById: Plugin = {
  name: "checks by id",
  transform: {
    filter: { id: /src[\\/]engine[\\/]catalogue\.ts$/ },
    handler(code) {
      const imports: string[] = [];
      const withModules = code.replace(/import\(`\.\.\/\.\.\/(\w+)\/\$\{id\}\.ts`\)/g, (_, folder: string) => {
        const modules = readdirSync(folder).map((file) => {
          const [{ name }, source] = [path.parse(file), `"../../${folder}/${file}"`];
          if (!CORE.includes(`${folder}/${name}`)) return `"${name}": () => import(${source})`;
          return `"${name}": () => core${imports.push(source)}`;
        });
        return `({ ${modules.join(", ")} })[id]()`;
      });
      return imports.map((source, n) => `import * as core${n + 1} from ${source};\n`).join("") + withModules;
    },
  },
};

/** The catalogue and our version are read at each start; to find and parse their files takes longer than to have them. */
const ownFiles: Plugin = {
  name: "own files",
  transform: {
    filter: { id: /src[\\/](engine[\\/]catalogue|package)\.ts$/ },
    handler: (code) =>
      code.replace(/JSON\.parse\(readFileSync\(packageFile\("([\w.]+)"\), "utf8"\)\)/g, (_, file: string) => {
        const { version, checks, hazards, releases } = JSON.parse(readFileSync(file, "utf8"));
        return `(${JSON.stringify({ version, checks, hazards, releases })})`;
      }),
  },
};

/**
 * Node's own modules without the facade each has for the module loader, which calls all their getters: that loads web
 * streams with `fs`, WebCrypto with `crypto`, WebSockets with `http`.
 */
const builtins: Plugin = {
  name: "builtins without facades",
  renderChunk: (code) =>
    code.replace(/^import (?:(\w+)|\* as (\w+)|(?:(\w+), )?(\{.+?\})) from ("node:[^"]+");$/gm, (_, ...names) => {
      const [whole, namespace, both, members, id] = names as (string | undefined)[];
      const targets = [whole ?? namespace ?? both, members?.replaceAll(" as ", ": ")].filter(Boolean);
      return targets.map((target) => `const ${target} = process.getBuiltinModule(${id});`).join(" ");
    }),
};

/** One character beyond ASCII, and V8 keeps the whole file with two bytes for each, which it then takes longer to read. */
const ascii: Plugin = {
  name: "ASCII only",
  generateBundle(_, bundle) {
    const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    for (const chunk of Object.values(bundle))
      if (chunk.type === "chunk") chunk.code = chunk.code.replace(/[^\0-\x7f]/g, escaped);
  },
};

/** A file that only hands on what another one exports is one more to find: who imports it is sent on at once. */
const facades: Plugin = {
  name: "no files without code",
  generateBundle(_, bundle) {
    const targets = new Map<string, string>();
    for (const [file, chunk] of Object.entries(bundle)) {
      if (chunk.type !== "chunk" || !chunk.isDynamicEntry || chunk.isEntry) continue;
      const [, names, target] = /^export \{ (.+) \} from "\.\/([^"]+)";\s*$/.exec(chunk.code) ?? [];
      if (names === undefined || target === undefined) continue;
      const members = names.split(", ").map((name) => name.split(" as ").reverse());
      const picked = members.map(([name, local = name]) => `${name}: m.${local}`).join(", ");
      targets.set(path.posix.basename(file), `${target}").then((m) => ({ ${picked} }))`);
      delete bundle[file];
    }
    for (const chunk of Object.values(bundle))
      if (chunk.type === "chunk")
        chunk.code = chunk.code.replace(/(import\("[^"]*\/)([^"/]+)"\)/g, (whole, before: string, file: string) => {
          const target = targets.get(file);
          return target === undefined ? whole : before + target;
        });
  },
};

async function bundle(): Promise<void> {
  const [core, removal] = [CORE, REMOVAL].map((names) => new Set(names.map((name) => path.resolve(`${name}.ts`))));
  const build = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, `${name}.ts`])),
    platform: "node",
    // Packages are installed beside us, whole, but for one of two hundred modules of which a policy needs some.
    external: /^(?!typebox|[./\0]|[A-Za-z]:)/,
    plugins: [checksById, ownFiles, builtins, facades, ascii],
    checks: { ineffectiveDynamicImport: false },
  });
  await build.write({
    dir: OUT,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    // Read and decoded at each start; they stay in the sources.
    comments: { legal: true, annotation: false, jsdoc: false },
    codeSplitting: {
      groups: [
        { name: "core", test: (id) => core?.has(id) === true, includeDependenciesRecursively: true, priority: 2 },
        { name: "removal", test: (id) => removal?.has(id) === true, includeDependenciesRecursively: true, priority: 1 },
      ],
    },
  });
}

/** Copies the declarations the public API's types come from. @returns false when the types do not hold. */
async function declare(): Promise<boolean> {
  const { exitCode, stdout, stderr } = await x("tsc", ["-p", "tsconfig.json"]);
  process.stdout.write(stdout + stderr);
  const copied = new Set<string>();
  const copy = (file: string): void => {
    if (copied.has(file)) return;
    copied.add(file);
    const text = readFileSync(path.join(TYPES, file), "utf8");
    mkdirSync(path.dirname(path.join(OUT, file)), { recursive: true });
    writeFileSync(path.join(OUT, file), text);
    for (const [, module = ""] of text.matchAll(/(?:from |import\()"(\.[^"]+)\.ts"/g))
      copy(path.join(path.dirname(file), `${module}.d.ts`));
  };
  copy("src/index.d.ts");
  return exitCode === 0;
}

rmSync(OUT, { recursive: true, force: true });
if (await declare()) {
  await bundle();
  chmodSync(`${OUT}/src/cli/bin.js`, 0o755);
  copyFileSync("node_modules/typebox/license", `${OUT}/chunks/LICENSE.typebox`);
} else process.exitCode = 1;
rmSync(TYPES, { recursive: true, force: true });
