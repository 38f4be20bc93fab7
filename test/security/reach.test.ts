/** How far we go: programs, links, other users' files. */
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
} from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfigGraph } from "../../src/facts/config-graph.ts";
import { crossesUsers, exposes } from "../../src/facts/paths.ts";
import { readSessionLocks } from "../../src/facts/session-locks.ts";
import { packageFile } from "../../src/package.ts";
import { programs } from "../../src/run.ts";
import { asRoot, onLinux } from "../engine/sandbox.ts";
import { deadPid, payload, put, tempDir } from "../facts/sandbox.ts";

test.skipIf(!onLinux)("no program of the working directory's node_modules is run", async () => {
  const dir = tempDir();
  const program = put(path.join(dir, "node_modules", ".bin", "vitals-probe"), "#!/bin/sh\necho ran\n");
  chmodSync(program, 0o755);
  const cwd = process.cwd();
  onTestFinished(() => process.chdir(cwd));
  process.chdir(dir);
  const run = async () => await (await programs())("vitals-probe", []);
  await expect(run()).rejects.toThrow(/ENOENT/);
});

test("programs are started in one way only", () => {
  const files = ["src", "checks", "fixes"].flatMap((folder) =>
    readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => path.join(folder, name)),
  );
  const starts = files.filter((file) => /"tinyexec"|child_process/.test(readFileSync(packageFile(file), "utf8")));
  expect(starts).toEqual([path.join("src", "run.ts")]);
});

/** A user's folder with links, as root finds it, beside what is root's. */
function links() {
  const root = tempDir();
  const at = (...names: string[]): string => path.join(root, ...names);
  const link = (target: string, name: string, uid: number): string => {
    symlinkSync(target, at("user", name));
    lchownSync(at("user", name), uid, uid);
    return at("user", name);
  };
  mkdirSync(at("user"));
  mkdirSync(at("closed"), { mode: 0o700 });
  chmodSync(put(at("secret.json"), '{"QZXKVJWQZ":1,"QZXKVJWQZ":2}'), 0o600);
  chmodSync(put(at("public.json"), "{}"), 0o644);
  chmodSync(put(at("closed", "within.json"), "{}"), 0o644);
  chmodSync(root, 0o755);
  const own = put(at("user-own.json"), "{}");
  chownSync(own, 54_321, 54_321);
  return { at, link };
}

test.skipIf(!onLinux || !asRoot)("root follows a user's link as far as that user could go", () => {
  const { at, link } = links();
  const look = (file: string) => [crossesUsers(file), exposes(file)];
  expect(look(link("../secret.json", "to-secret", 54_321))).toEqual([true, true]);
  expect(look(link("../public.json", "to-public", 54_321))).toEqual([true, false]);
  expect(look(link("../closed/within.json", "to-closed", 54_321))).toEqual([true, true]);
  expect(look(link("../closed", "folder", 54_321))).toEqual([true, true]);
  expect(look(at("user", "folder", "within.json"))).toEqual([true, true]);
  expect(look(link("../user-own.json", "to-own", 54_321))).toEqual([false, false]);
  expect(look(link("../secret.json", "by-root", 0))).toEqual([false, false]);
  expect(look(link("../nowhere", "dangling", 54_321))).toEqual([false, false]);
  expect(look(at("secret.json"))).toEqual([false, false]);
  const graph = readConfigGraph(at("user", "to-secret"), {});
  expect(graph.problem?.message).toMatch(/is a link to another user's file$/);
  expect(JSON.stringify([graph.problem, graph.notices])).not.toContain("QZXKVJWQZ");
});

test.skipIf(!onLinux || !asRoot)("nor is a folder looked into", async () => {
  const { at, link } = links();
  put(at("closed", "sessions", "one.jsonl.lock"), payload(deadPid()));
  mkdirSync(at("user", "agents"));
  link("../../closed", "agents/coder", 54_321);
  const stores = { stateDir: at("user"), store: null, agents: [], confined: false };
  const { locks, problems } = await readSessionLocks(stores);
  expect(locks).toEqual([]);
  expect(problems).toEqual([expect.stringContaining("leads to a folder of another user")]);
  link("../closed", "agents-elsewhere", 54_321);
  renameSync(at("user", "agents"), at("user", "aside"));
  renameSync(at("user", "agents-elsewhere"), at("user", "agents"));
  const elsewhere = await readSessionLocks(stores);
  expect(elsewhere).toEqual({
    locks: [],
    problems: [expect.stringMatching(/agents leads to a folder of another user/)],
  });
});
