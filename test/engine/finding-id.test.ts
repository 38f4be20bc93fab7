import { expect, test } from "vitest";
import { findingId, fingerprint } from "../../src/engine/finding-id.ts";

test("the same texts have the same fingerprint, 12 hexadecimal digits", () => {
  expect(fingerprint("stale-lock", "a", "b")).toMatch(/^[0-9a-f]{12}$/);
  expect(fingerprint("stale-lock", "a", "b")).toBe(fingerprint("stale-lock", "a", "b"));
  // Policies silence findings by it: it stays what it is from release to release.
  expect(fingerprint("stale-lock", "agents/main/sessions/s.jsonl.lock", '{"pid":1}')).toBe("77b8bbf2da52");
});

test("where one text ends and the next begins makes a difference", () => {
  expect(
    new Set([fingerprint("ab", "c"), fingerprint("a", "bc"), fingerprint("abc"), fingerprint("abc", "")]).size,
  ).toBe(4);
});

test("two hundred thousand texts that hardly differ have as many fingerprints", () => {
  const ids = new Set<string>();
  for (let n = 0; n < 100_000; n += 1) {
    ids.add(fingerprint("stale-lock", `agents/a${n % 200}/sessions/s${n}.jsonl.lock`, ""));
    ids.add(fingerprint("stale-lock", "agents/main/sessions/s.jsonl.lock", n.toString(2)));
  }
  expect(ids.size).toBe(200_000);
});

test("a finding's id does not depend on where its state dir lies, but on what is outside it", () => {
  expect(findingId("c", "/a/state", "/a/state/x/y")).toBe(findingId("c", "/b", "/b/x/y"));
  expect(findingId("c", "/a/state", "/a/state2/x")).toBe(findingId("c", "/a/state", "/a/state/../state2/x"));
  expect(findingId("c", "/a/state", "/a/state2/x")).not.toBe(findingId("c", "/a/state", "/a/state/2/x"));
  expect(findingId("c", "/a")).toBe(findingId("c", "/b"));
});
