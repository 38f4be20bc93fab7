import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { locksOf, readFolder } from "../../src/facts/lock-folder.ts";
import { PackedLocks } from "../../src/facts/packed-locks.ts";
import { type BesideTask, type ReadBeside, readBeside } from "../../src/facts/read-beside.ts";
import { type FolderLocks, readFolders } from "../../src/facts/read-folders.ts";
import { temporaryFolder } from "../engine/sandbox.ts";

/** Folders with locks of every kind: that can be packed, that cannot, and that are none. */
function folders(count: number): string[] {
  const root = temporaryFolder();
  return Array.from({ length: count }, (_, n) => {
    const dir = path.join(root, `${n}`);
    mkdirSync(dir);
    for (let lock = 0; lock < 5; lock += 1) {
      const file = path.join(dir, `s${n}-${lock}.jsonl.lock`);
      writeFileSync(file, JSON.stringify({ pid: 1_000 + n, createdAt: "2026-05-22T18:00:00.000Z", starttime: lock }));
      utimesSync(file, 1_700_000_000 + lock, 1_700_000_000.25 + n);
      if (lock % 2 === 0) writeFileSync(file.replace(/\.lock$/, ""), "{}\n");
    }
    writeFileSync(path.join(dir, "a.jsonl.lock"), "");
    writeFileSync(path.join(dir, "s9.jsonl.lock"), "no JSON");
    symlinkSync("elsewhere", path.join(dir, "link.jsonl.lock"));
    mkdirSync(path.join(dir, "folder.jsonl.lock"));
    return dir;
  });
}

/** All that is known of the locks. */
function told(all: readonly FolderLocks[]) {
  return all.map(({ dir, read, packed }) => ({
    dir,
    problem: read.problem,
    locks: locksOf({ dir, agent: "coder" }, read, packed).map((lock) => {
      const { look, path: file, session, hasTranscript, unchanged } = lock;
      if (look.kind !== "file") return { file, session, hasTranscript, unchanged, look };
      const { dev, ino, size, mtimeNs, mtimeMs, uid, nlink, content, payload } = look.snapshot;
      return {
        file,
        session,
        hasTranscript,
        unchanged,
        dev,
        ino,
        size,
        mtimeNs,
        mtimeMs,
        uid,
        nlink,
        content,
        payload,
      };
    }),
  }));
}

/** What a second thread comes to. */
const by = (read: (task: BesideTask) => ReadBeside | null) => async () => ({
  readBeside: async (task: BesideTask) => read(task),
});

test("a folder is read the same after few locks and after many", () => {
  const [dir = "", ...before] = folders(30);
  const packed = new PackedLocks();
  for (const one of before) readFolder(one, packed);
  const late = told([{ dir, read: readFolder(dir, packed), packed }]);
  const fresh = new PackedLocks();
  expect(packed.length, "so many that it is listed otherwise").toBeGreaterThan(140);
  expect(late).toEqual(told([{ dir, read: readFolder(dir, fresh), packed: fresh }]));
});

describe("a second thread", () => {
  test("reads the same as the first", async () => {
    const dirs = [...folders(20), "/nowhere"];
    const alone = await readFolders(dirs);
    const besides = await readBeside({ dirs, next: new Int32Array(new SharedArrayBuffer(4)) });
    expect(besides?.read.map(([n]) => n)).toEqual(dirs.map((_, n) => n));
    const all = await readFolders(
      dirs,
      1,
      by(({ next }) => {
        next[0] = dirs.length; // the first thread has read one folder, and leaves the others to the second
        return besides && { ...besides, read: besides.read.slice(1) };
      }),
    );
    expect(told(all)).toEqual(told(alone));
    expect(told(alone)[0]?.locks.map(({ session }) => session)).toEqual([
      ...["a", "folder", "link"],
      ...["s0-0", "s0-1", "s0-2", "s0-3", "s0-4", "s9"],
    ]);
    expect(told(alone).at(-1)?.problem).toContain("/nowhere");
  });

  test("shares folders with the first, each is read once", async () => {
    const dirs = folders(60);
    let theirs: ReadBeside | null = null;
    const shared = await readFolders(dirs, 1, async () => ({
      async readBeside(task) {
        const began = readBeside(task);
        // Where there are fewer processors than threads, it is not asked before all is done.
        while (Atomics.load(task.next, 0) === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        theirs = await began;
        return theirs;
      },
    }));
    expect((theirs as ReadBeside | null)?.read.length, "it was at work before we went on").toBeGreaterThan(0);
    expect(shared.map(({ dir }) => dir)).toEqual(dirs);
    expect(shared.flatMap(({ read }) => read.names)).toHaveLength(60 * 5);
  });

  test("leaves nothing unread when it fails or cannot be had", async () => {
    const dirs = folders(6);
    const alone = told(await readFolders(dirs));
    const lost = await readFolders(
      dirs,
      1,
      by(({ next }) => {
        next[0] = 4; // it took three folders, and died
        return null;
      }),
    );
    expect(told(lost)).toEqual(alone);
    const broken = { dirs: null as unknown as string[], next: new Int32Array(new SharedArrayBuffer(4)) };
    expect(await readBeside(broken)).toBeNull();
  });

  test("is not asked for few locks, nor when no folder is left", async () => {
    const dirs = folders(3);
    let asked = 0;
    const ask = by(() => {
      asked += 1;
      return null;
    });
    await readFolders(dirs, 1_000, ask);
    await readFolders(dirs.slice(0, 1), 1, ask);
    expect(asked).toBe(0);
    await readFolders(dirs, 1, ask);
    expect(asked, "once is enough").toBe(1);
    const asYet: number[] = [];
    const note = by(({ next }) => {
      asYet.push(next[0] as number);
      return null;
    });
    await readFolders(dirs, 15, note);
    expect(asYet, "five in the first of three let expect fifteen").toEqual([1]);
    rmSync(path.dirname(dirs[0] as string), { recursive: true });
  });
});
