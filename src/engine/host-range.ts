/** A version as OpenClaw publishes it: `2026.7.1`, a beta `2026.7.2-beta.1`, a post-release `2026.7.1-2`. */
const VERSION = /v?(\d{4})\.(\d+)\.(\d+)(?:-([0-9A-Za-z][0-9A-Za-z.-]*))?(?:\+[0-9A-Za-z.-]+)?/g;
/** More post-releases of one patch than there will ever be. */
const POST_RELEASES = 1_000;

/**
 * Rewrites each version so that semver's order is this project's: semver takes `2026.7.1-2` for earlier than
 * `2026.7.1`, but it is a correction published after it. `-0` stays what it is in ranges, the earliest prerelease.
 */
function comparable(text: string): string {
  return text.replace(VERSION, (_, year: string, month: string, patch: string, suffix?: string) => {
    const post = suffix !== undefined && /^[1-9]\d{0,2}$/.test(suffix) ? Number(suffix) : 0;
    const pre = suffix === undefined || post > 0 ? "" : `-${suffix}`;
    return `${year}.${month}.${Number(patch) * POST_RELEASES + post}${pre}`;
  });
}

/** Whether an OpenClaw version lies in a range; false when either of them cannot be read. */
export async function satisfiesHost(version: string, range: string): Promise<boolean> {
  // The whole package takes more than twice as long to load.
  const { default: satisfies } = await import("semver/functions/satisfies.js");
  return satisfies(comparable(version), comparable(range), { includePrerelease: true });
}

/** Negative when OpenClaw `a` is the earlier one, 0 when they are the same. @throws TypeError for what is no version. */
export async function compareHosts(a: string, b: string): Promise<number> {
  const { default: compare } = await import("semver/functions/compare.js");
  return compare(comparable(a), comparable(b));
}
