/** So many kept objects make it grow to its largest. */
const MANY = 15_000;
/** V8 complains about a flag it does not know; these know it. */
const LAST_KNOWN_NODE = 26;

let isOurs = false;

/** To be called by a process that runs nothing but this program: what it does to memory strikes nobody else. */
export function inProcessOfOurOwn(): void {
  isOurs = true;
}

/**
 * Keeps the part of memory in which objects are made at the size it has. V8 lets it grow to 64 MB when it sees many that
 * stay, as if more of their kind were to come, and for some it would still do with one.
 */
export function keepSmallFor(objects: number): void {
  if (!isOurs || objects < MANY || Number.parseInt(process.versions.node, 10) > LAST_KNOWN_NODE) return;
  isOurs = false; // once is enough
  process.getBuiltinModule("node:v8").setFlagsFromString("--semi-space-growth-factor=1");
}
