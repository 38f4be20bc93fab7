/** How the sources are laid out: modules stay small, and docs/architecture.md shows what there is. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { packageFile } from "../src/package.ts";

const MOST_LINES = 250;
const FOLDERS = ["src", "checks", "fixes", "bench", "scripts", "test"];

/** Sources of a folder and below, with forward slashes. */
function modules(folder: string): string[] {
  return readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
    .map((name) => path.posix.join(folder, name.split(path.sep).join("/")))
    .filter((name) => /\.m?[jt]s$/.test(name) && !name.includes("/fixtures/"));
}

const linesOf = (text: string): number => text.split("\n").length - 1;
/** Why a module is long, in the comment it begins with. */
const reasonOf = (text: string): string | undefined =>
  /\bLong because (?:[^*]|\*(?!\/)){20,}?\./.exec(/^\/\*\*.*?\*\//s.exec(text)?.[0] ?? "")?.[0];

describe("a module", () => {
  const all = FOLDERS.flatMap(modules).map((name) => ({ name, text: readFileSync(packageFile(name), "utf8") }));

  test(`has at most ${MOST_LINES} lines, or says at its top why it is long`, () => {
    expect(all.length).toBeGreaterThan(400);
    const long = all.filter(({ text }) => linesOf(text) > MOST_LINES);
    expect(long.filter(({ text }) => reasonOf(text) === undefined).map(({ name }) => name)).toEqual([]);
  });

  test("that is short gives no such reason", () => {
    const short = all.filter(({ text }) => linesOf(text) <= MOST_LINES);
    expect(short.filter(({ text }) => reasonOf(text) !== undefined).map(({ name }) => name)).toEqual([]);
  });
});

describe("docs/architecture.md", () => {
  const text = readFileSync(packageFile("docs/architecture.md"), "utf8");

  test("names nothing that is not there", () => {
    const named = [...text.matchAll(/\b(?:src|checks|fixes|bench|scripts|test|docs)\/[\w./-]*[\w/]/g)].map(
      ([name]) => name,
    );
    const modules = [...text.matchAll(/`([a-z][\w-]+\.(?:ts|js))`/g)].map(([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !existsSync(packageFile(name)))).toEqual([]);
    const places = ["", "src/host", "src/engine", "src/facts", "src/cli", "src/report"];
    expect(modules.filter((name) => !places.some((place) => existsSync(packageFile(path.join(place, name)))))).toEqual(
      [],
    );
  });

  test("names each folder of sources", () => {
    const folders = readdirSync(packageFile("src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/${name}`);
    expect([...folders, "checks/", "fixes/"].filter((folder) => !text.includes(folder))).toEqual([]);
  });
});
