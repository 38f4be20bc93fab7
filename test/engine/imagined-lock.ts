/**
 * Imagined locks of which the truth is known: who made the lock, where that process lives and whether it still has the
 * file open. From the truth follows what can be seen of it from where we look. The oracle knows the truth only, so it
 * shares nothing with the code that judges what is seen.
 * Long because truth, sight and oracle have to be read side by side: each case of one is a case of the others.
 */
import { fc } from "@fast-check/vitest";
import type { LockCase } from "../../src/engine/lock-case.ts";
import { parsePayload } from "../../src/facts/lock-file.ts";
import type { ProcessState } from "../../src/facts/processes.ts";

const NOW = Date.parse("2026-05-24T18:30:00.000Z");
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const GRACE_MS = 30 * SECOND;
/** Clock ticks since boot when the maker of the lock started. */
const MAKER_TICKS = 918_273;

/** What is drawn. Times are real time before now, in milliseconds. */
export interface Truth {
  /** Where we look from. */
  readonly platform: "linux" | "linux container" | "macos" | "windows";
  /** Where the maker of the lock lives: `nested` is a container below us, `outside` one we cannot look into. */
  readonly home: "here" | "nested" | "outside" | "other machine";
  readonly madeAgo: number;
  readonly makerStartedBefore: number;
  /** What the maker is doing now; `leaking` lives but has closed the file. */
  readonly maker: "holding" | "leaking" | "dead";
  readonly makerUid: 0 | 1000;
  /** 0 is root; Windows has none. */
  readonly ourUid: 0 | 1000;
  /** A process of ours that does not let us look at its descriptors (hardened). */
  readonly makerHidesDescriptors: boolean;
  /** How far the wall clock was set forward since the lock was made. */
  readonly clockStep: number;
  readonly text: Text;
  /** Milliseconds since the last write to the file; at most `madeAgo`. */
  readonly writtenAgo: number;
  /** Its maker writes to it between our two looks, if it lives. */
  readonly beingWritten: boolean;
  /** What has the number of the maker where we look, when it is not the maker. */
  readonly number: "nobody" | "zombie" | "thread" | "process" | "hidden";
  readonly successor: { readonly startedAgo: number; readonly openclaw: boolean; readonly foreign: boolean };
  readonly pid: number;
  readonly linked: boolean;
  readonly trustedProc: boolean;
  readonly containerUpFor: number;
  readonly lsofComplains: boolean;
  /** Another process has the file open, e.g. a child that inherited it. */
  readonly bystander: boolean;
}

/** What the file says: a payload that names the maker, or one that names nobody. */
interface Text {
  readonly names: "the maker" | "nobody";
  readonly starttime: boolean;
  readonly createdAt: boolean;
  readonly maxHoldMs: number | undefined;
  readonly padding: string;
  /** The whole file, when it names nobody. */
  readonly broken: string | Uint8Array;
}

const brokenText = fc.oneof(
  fc.constantFrom("", " \n\t", "{", "null", "[]", '"4242"', "4242", "{}", "\u0000\u0000", '{"pid":4242', "\ufeff{}"),
  fc
    .constantFrom<unknown>(0, -1, -4242, "4242", 42.5, 1e99, null, true, [4242], { pid: 4242 }, 4_294_967_296)
    .map((pid) => JSON.stringify({ pid, createdAt: new Date(NOW).toISOString() })),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from([0xff, ...bytes])),
  fc.string({ maxLength: 40 }).map((text) => `}${text}`),
);

const ago = fc.oneof(
  fc.constantFrom(0, 1, GRACE_MS - 1, GRACE_MS, 2 * MINUTE, 16 * MINUTE, 18 * MINUTE, 400 * 24 * 60 * MINUTE),
  fc.integer({ min: 0, max: 48 * 60 * MINUTE }),
);

export const truths: fc.Arbitrary<Truth> = fc
  .record<Truth>({
    platform: fc.constantFrom("linux", "linux", "linux container", "macos", "windows"),
    home: fc.constantFrom("here", "here", "here", "nested", "outside", "other machine"),
    madeAgo: ago,
    makerStartedBefore: ago,
    maker: fc.constantFrom("holding", "leaking", "dead", "dead"),
    makerUid: fc.constantFrom(1000, 1000, 0),
    ourUid: fc.constantFrom(1000, 0),
    makerHidesDescriptors: fc.constantFrom(false, false, true),
    clockStep: fc.constantFrom(0, 0, 0, -90 * MINUTE, 1500, 90 * MINUTE),
    text: fc.record({
      names: fc.constantFrom("the maker", "the maker", "nobody"),
      starttime: fc.boolean(),
      createdAt: fc.constantFrom(true, true, true, false),
      maxHoldMs: fc.constantFrom(undefined, 1_020_000, 1, 0, -5),
      padding: fc.constantFrom("", "\n", " ".repeat(200)),
      broken: brokenText,
    }),
    writtenAgo: ago,
    beingWritten: fc.boolean(),
    number: fc.constantFrom("nobody", "nobody", "zombie", "thread", "process", "process", "hidden"),
    successor: fc.record({ startedAgo: ago, openclaw: fc.boolean(), foreign: fc.constantFrom(false, false, true) }),
    pid: fc.constantFrom(1, 7, 4242, 30_001),
    linked: fc.constantFrom(false, false, false, false, true),
    trustedProc: fc.constantFrom(true, true, true, true, false),
    containerUpFor: ago,
    lsofComplains: fc.boolean(),
    bystander: fc.constantFrom(false, false, false, true),
  })
  // Only Linux has containers; that a folder is shared over the network is told on Linux only.
  .filter(({ platform, home }) => home === "here" || platform === "linux container" || linuxKnows(platform, home))
  // A first process of our own kind lives as long as we do.
  .filter(({ pid, home, maker }) => !(pid === 1 && home === "here" && maker === "dead"));

function linuxKnows(platform: Truth["platform"], home: Truth["home"]): boolean {
  return platform === "linux" && home !== "outside";
}

const onLinux = ({ platform }: Truth): boolean => platform === "linux" || platform === "linux container";
const lives = ({ maker }: Truth): boolean => maker !== "dead";
/** As far as the rights go: root may look into every process. */
const mayLook = ({ ourUid, makerUid, makerHidesDescriptors }: Truth): boolean =>
  ourUid === 0 || (ourUid === makerUid && !makerHidesDescriptors);
const hides = ({ makerUid, ourUid, makerHidesDescriptors }: Truth): boolean =>
  makerUid === ourUid && ourUid !== 0 && makerHidesDescriptors;
/** lsof is believed only when it does not complain. */
const seesDescriptors = (truth: Truth): boolean =>
  onLinux(truth) || (truth.platform === "macos" && !truth.lsofComplains && !(lives(truth) && hides(truth)));

/** What can be seen of it, as the readers promise to tell it. */
export function seen(truth: Truth): LockCase {
  const { platform, pid, text, ourUid } = truth;
  const writtenAgo = Math.min(truth.writtenAgo, truth.madeAgo);
  // Wall clocks: what was written down before the clock was set shows the old time.
  const madeAtMs = NOW - truth.madeAgo - truth.clockStep;
  const makerHere = truth.home === "here" && lives(truth);
  const holding = truth.maker === "holding";
  const inSight = truth.home === "here" || truth.home === "nested";
  const holder = holding && inSight && mayLook(truth) ? [truth.home === "here" ? pid : pid + 50_000] : [];
  const descriptors = seesDescriptors(truth);
  const payload = parsePayload(Buffer.from(bytesOf(truth, madeAtMs)));
  const mtimeMs = NOW - writtenAgo - truth.clockStep;
  return {
    path: "/state/agents/coder/sessions/s.jsonl.lock",
    snapshot: {
      dev: "1",
      ino: "2",
      size: 1,
      mtimeNs: String(mtimeMs * 1e6),
      mtimeMs,
      uid: platform === "windows" ? 0 : truth.makerUid,
      nlink: truth.linked ? 2 : 1,
      content: "{}",
      payload,
    },
    unchanged: !(truth.beingWritten && lives(truth)),
    sharedFileSystem: truth.home === "other machine" ? "NFS" : null,
    owner: text.names === "nobody" ? null : makerHere ? makerState(truth) : numberState(truth),
    ownerDescriptorsReadable:
      text.names === "the maker" && descriptors && (makerHere ? mayLook(truth) : readable(truth)),
    holders: descriptors
      ? {
          pids: [...holder, ...(truth.bystander ? [60_000] : [])],
          seen: "own",
          blind: onLinux(truth) && inSight && lives(truth) && hides(truth),
        }
      : { pids: [], seen: "none" },
    namespace: {
      trusted: truth.trustedProc || !onLinux(truth),
      initial: platform === "linux" ? true : platform === "linux container" ? false : null,
      startedAtMs: platform === "linux container" ? NOW - truth.containerUpFor : null,
      lastPid: onLinux(truth) ? 30_000 : null,
    },
    uid: platform === "windows" ? null : ourUid,
    nowMs: NOW,
    graceMs: GRACE_MS,
  };

  function makerState(of: Truth): ProcessState {
    return {
      state: "alive",
      uid: platform === "windows" ? null : of.makerUid,
      foreign: platform !== "windows" && ourUid !== 0 && ourUid !== of.makerUid,
      startTicks: onLinux(of) ? MAKER_TICKS : null,
      startedAtMs: NOW - of.madeAgo - of.makerStartedBefore,
      title: "openclaw",
      openclaw: platform === "windows" ? null : true,
    };
  }
}

function bytesOf({ text, pid }: Truth, madeAtMs: number): Uint8Array {
  if (text.names === "nobody")
    return typeof text.broken === "string" ? new TextEncoder().encode(text.broken) : text.broken;
  const says = {
    pid,
    ...(text.createdAt ? { createdAt: new Date(madeAtMs).toISOString() } : {}),
    ...(text.starttime ? { starttime: MAKER_TICKS } : {}),
    ...(text.maxHoldMs === undefined ? {} : { maxHoldMs: text.maxHoldMs }),
  };
  return new TextEncoder().encode(JSON.stringify(says, null, 2) + text.padding);
}

/** The process that has the maker's number here; when the maker lived here too, it came after the maker's end. */
function numberState(truth: Truth): ProcessState {
  if (truth.number === "nobody" || truth.number === "zombie")
    return { state: "absent", zombie: truth.number === "zombie" };
  if (truth.number === "thread") return { state: "thread", threadOf: 99 };
  const hidden = truth.number === "hidden";
  const { startedAgo, openclaw, foreign } = truth.successor;
  const start = truth.home === "here" ? Math.min(startedAgo, truth.madeAgo) : startedAgo;
  return {
    state: "alive",
    uid: hidden || truth.platform === "windows" ? null : foreign ? 2000 : truth.ourUid,
    foreign: hidden || (foreign && truth.ourUid !== 0),
    startTicks: onLinux(truth) && !hidden ? MAKER_TICKS + 1 + start : null,
    startedAtMs: hidden ? null : NOW - start,
    title: hidden ? null : openclaw ? "openclaw" : "postgres",
    openclaw: hidden ? null : openclaw,
  };
}

const readable = ({ number, successor, ourUid }: Truth): boolean =>
  number === "process" && (ourUid === 0 || !successor.foreign);

/** Why nobody may remove this lock without asking, from the truth alone; null when it may be removed. */
export function mustStay(truth: Truth): string | null {
  if (truth.maker === "holding") return "its maker holds it";
  // Without its name, or under one of another namespace, nobody can tell that it lives; and it holds nothing.
  const known = truth.text.names === "the maker" && truth.home === "here";
  if (truth.maker === "leaking" && known && truth.clockStep <= 0) return "its maker lives: a leak needs a yes";
  if (truth.text.names === "nobody") {
    if (Math.min(truth.writtenAgo, truth.madeAgo) + truth.clockStep < GRACE_MS) return "it is fresh";
    if (truth.beingWritten && lives(truth)) return "it is being written";
  }
  if (truth.bystander && seesDescriptors(truth)) return "somebody has it open";
  if (truth.linked) return "a link";
  if (truth.home === "other machine") return "a network file system";
  if (!truth.trustedProc && onLinux(truth)) return "another namespace";
  return null;
}

/** Why it may not even be offered for removal with a yes, where we see everything there is to see. */
export function mustNotBeOffered(truth: Truth): string | null {
  if (truth.platform === "linux container" || !seesDescriptors(truth)) return null;
  return truth.maker === "holding" ? "its maker holds it" : null;
}

/** Dead for everybody who looks from here: a judge that leaves it is no help. */
export function provablyDead(truth: Truth): boolean {
  if (truth.maker !== "dead" || mustStay(truth) !== null) return false;
  if (truth.home !== "here" || truth.platform === "linux container") return false;
  if (truth.platform !== "windows" && truth.ourUid !== 0 && truth.ourUid !== truth.makerUid) return false;
  if (truth.text.names === "nobody")
    return seesDescriptors(truth) && Math.min(truth.writtenAgo, truth.madeAgo) + truth.clockStep >= GRACE_MS;
  if (truth.number === "hidden") return false;
  if (truth.number !== "process") return true;
  return onLinux(truth) && truth.text.starttime && !(truth.successor.foreign && truth.ourUid !== 0);
}
