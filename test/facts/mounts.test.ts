import path from "node:path";
import { describe, expect, test } from "vitest";
import { reaches } from "../../src/facts/mounts.ts";
import { put, tempDir } from "./sandbox.ts";

const OURS = ["22 1 8:1 / / rw - ext4 /dev/sda1 rw", "23 22 8:2 /users /home rw - ext4 /dev/sdb1 rw"];

/** Whether process 7 with these mounts reaches a folder of ours, which is on 8:2 as /users/u/state. */
function look(theirs: readonly string[], folder = "/home/u/state", ours: readonly string[] = OURS): boolean {
  const root = tempDir();
  put(path.join(root, "self", "mountinfo"), `${ours.join("\n")}\n`);
  put(path.join(root, "7", "mountinfo"), `${theirs.join("\n")}\n`);
  return reaches(7, folder, root);
}

describe.skipIf(process.platform === "win32")("a process", () => {
  test.each<[string, string[], boolean]>([
    ["with our own mounts", OURS, true],
    ["with the folder itself", ["50 1 0:9 / / rw", "51 50 8:2 /users/u/state /data rw"], true],
    ["with a folder above it", ["51 50 8:2 /users /mnt rw"], true],
    ["with a folder in it", ["51 50 8:2 /users/u/state/agents /agents rw"], true],
    ["with the whole file system", ["51 50 8:2 / /mnt rw"], true],
    ["with another folder beside it", ["51 50 8:2 /users/u/state2 /data rw"], false],
    ["with that path of another file system", ["51 50 8:3 /users/u/state /home/u/state rw"], false],
    ["with a file of the machine", ["51 50 8:1 /var/lib/docker/containers/x/hosts /etc/hosts rw"], false],
  ])("%s", (_name, theirs, expected) => {
    expect(look(theirs)).toBe(expected);
  });

  test("blanks in names, and a mount over another", () => {
    const state = "51 50 8:4 /my\\040state /data rw";
    const over = "24 23 8:4 /my\\040state /home/u/my\\040state rw";
    expect(look([state], "/home/u/my state", [...OURS, over])).toBe(true);
    expect(look(["51 50 8:2 / /mnt rw"], "/home/u/my state", [...OURS, over])).toBe(false);
    expect(look(["51 50 8:5 / /mnt rw"], "/home/u/state", [...OURS, "25 23 8:5 /users /home rw"])).toBe(true);
  });

  test("what cannot be read may reach it", () => {
    expect(reaches(8, "/home/u/state", path.join(tempDir(), "none"))).toBe(true);
  });
});
