import { readFileSync } from "node:fs";
import { realPath } from "./paths.ts";

interface Mount {
  /** Major and minor number of the file system. */
  readonly device: string;
  /** Which folder of it is mounted. */
  readonly root: string;
  readonly place: string;
}

/**
 * Whether a process, perhaps in a container, has a folder of ours among its mounts, under whatever name. True when
 * that cannot be told; a file system that passes ours on (FUSE in the container) is not seen through. Linux only;
 * `root` is for tests.
 */
export function reaches(pid: number, folder: string, root = "/proc"): boolean {
  try {
    const real = realPath(folder);
    const above = readMounts(`${root}/self/mountinfo`).filter(({ place }) => isWithin(real, place));
    // The deepest one, and of several on one place the last, hides the others.
    const own = above.reduce((best, next) => (next.place.length >= best.place.length ? next : best));
    const inside = join(own.root, real.slice(own.place.length));
    return readMounts(`${root}/${pid}/mountinfo`).some(
      (mount) => mount.device === own.device && (isWithin(inside, mount.root) || isWithin(mount.root, inside)),
    );
  } catch {
    return true;
  }
}

function readMounts(file: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [, , device, root, place] = line.split(" ");
    if (device && root && place) mounts.push({ device, root: decoded(root), place: decoded(place) });
  }
  return mounts;
}

/** Blanks and the like are written as `\040`. */
function decoded(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

function join(a: string, b: string): string {
  return `${a}/${b}`.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
}
