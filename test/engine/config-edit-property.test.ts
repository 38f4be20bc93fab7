/** Long because the properties share one generator of config texts, which is most of it. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import JSON5 from "json5";
import { expect, test, vi } from "vitest";
import { type ConfigEdit, editConfigText, type JsonValue } from "../../src/engine/config-edit.ts";
import { withChanges } from "../../src/engine/config-value.ts";
import { UserError } from "../../src/engine/errors.ts";
import type { ConfigPath } from "../../src/facts/config-file.ts";
import { parseJson5 } from "../../src/facts/json5-text.ts";
import { documents, type PlacedComment } from "./json5-documents.ts";

vi.setConfig({ testTimeout: 120_000 });
const runs = { numRuns: 1_000 };

test("the positions agree with what json5 reads, and the comments are all found", () => {
  fc.assert(
    fc.property(documents, ({ text, comments }) => {
      const doc = parseJson5(text);
      expectSame(doc.value, JSON5.parse(text));
      expect(doc.comments.map(({ start, end }) => text.slice(start, end))).toEqual(comments.map((one) => one.text));
    }),
    runs,
  );
});

test("parse(edit(text)) is edit(parse(text)), and no comment is lost that is not in what goes", () => {
  const seen = { edited: 0, refused: 0 };
  fc.assert(
    fc.property(documentWithEdits(), ({ document, edits }) => {
      const expected = editedValue(JSON5.parse(document.text), edits);
      const dropsEmpty = edits.some((edit) => "remove" in edit && edit.dropEmpty === true);
      if (expected === REFUSED) {
        seen.refused += 1;
        expect(() => editConfigText(document.text, edits)).toThrow(UserError);
        return;
      }
      seen.edited += 1;
      const { text, changed } = editConfigText(document.text, edits);
      expect(changed).toBe(text !== document.text);
      const value: unknown = JSON5.parse(text);
      if (!dropsEmpty) expectSame(value, expected);
      else expectSame(pruned(value), pruned(expected));
      expectComments(document.comments, text, edits);
      if (edits.length === 1 && typeof edits[0]?.path.at(-1) === "string" && !dropsEmpty)
        expect(editConfigText(text, edits)).toEqual({ text, changed: false });
    }),
    runs,
  );
  expect(seen.edited).toBeGreaterThan(seen.refused);
  expect(seen.refused).toBeGreaterThan(0);
});

test("setting one value changes nothing but that value", () => {
  fc.assert(
    fc.property(documentWithEdits(), ({ document, edits: [edit] }) => {
      if (edit === undefined || !("set" in edit) || typeof edit.set === "object") return;
      const doc = parseJson5(document.text);
      const entry = entryAt(doc, edit.path);
      if (entry === undefined || editedValue(doc.value, [edit]) === REFUSED) return;
      const { text } = editConfigText(document.text, [edit]);
      expect(text.startsWith(document.text.slice(0, entry.value.start))).toBe(true);
      expect(text.endsWith(document.text.slice(entry.value.end))).toBe(true);
    }),
    runs,
  );
});

test("the value that a host is handed is the one that the text would get, its keys in the same order", () => {
  let compared = 0;
  fc.assert(
    fc.property(documentWithEdits(), ({ document, edits }) => {
      const plain = JSON.parse(
        JSON.stringify(edits.map(({ path, ...edit }) => ("set" in edit ? { path, ...edit } : { path, remove: true }))),
      );
      let text: string;
      try {
        text = editConfigText(document.text, plain).text;
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        return;
      }
      compared += 1;
      const before = JSON5.parse(document.text);
      const value = withChanges(before, plain);
      expectSame(value, JSON5.parse(text));
      expectSame(before, JSON5.parse(document.text));
      if (edits.every((edit) => "set" in edit && typeof edit.set !== "object" && holdsAll(before, edit.path)))
        expect(JSON.stringify(value)).toBe(JSON.stringify(JSON5.parse(text)));
    }),
    { numRuns: 300 },
  );
  expect(compared).toBeGreaterThan(75);
});

function holdsAll(root: unknown, path: ConfigPath): boolean {
  return holds(found(root, path.slice(0, -1)), path.at(-1) ?? "");
}

function entryAt(doc: ReturnType<typeof parseJson5>, path: ConfigPath) {
  let node = doc.root;
  let entry: (typeof node & { kind: "object" | "array" })["entries"][number] | undefined;
  for (const step of path) {
    if (node.kind === "scalar") return undefined;
    entry = typeof step === "number" ? node.entries[step] : node.entries.findLast((one) => one.key === step);
    if (entry === undefined) return undefined;
    node = entry.value;
  }
  return entry;
}

/** Paths of the document, some led on to keys that are not there. */
function documentWithEdits() {
  const added = fc.array(fc.constantFrom("a", "b", "new", "x y", "__proto__"), { maxLength: 2 });
  const step = fc.record({
    pick: fc.nat(),
    added,
    set: fc.option(fc.jsonValue({ maxDepth: 2, noUnicodeString: false }), { freq: 2 }),
    remove: fc.boolean(),
    dropEmpty: fc.boolean(),
  });
  return fc.tuple(documents, fc.array(step, { minLength: 1, maxLength: 3 })).map(([document, steps]) => {
    const paths = [...pathsOf(JSON5.parse(document.text))];
    const edits = steps.flatMap(({ pick, added: more, set, remove, dropEmpty }): ConfigEdit[] => {
      const path = [...(paths[pick % paths.length] ?? []), ...(remove ? [] : more)];
      if (path.length === 0) return [{ path: ["new"], set: set as JsonValue }];
      return [remove ? { path, remove, dropEmpty } : { path, set: set as JsonValue }];
    });
    return { document, edits };
  });
}

function* pathsOf(value: unknown, path: ConfigPath = []): Generator<ConfigPath> {
  yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value))
    yield* pathsOf(item, [...path, Array.isArray(value) ? Number(key) : key]);
}

const REFUSED = Symbol("refused");
type Holder = Record<string | number, unknown>;

/** What the edits mean, on plain values; changes `root`. */
function editedValue(root: unknown, edits: readonly ConfigEdit[]): unknown {
  for (const edit of edits) {
    const holder = "set" in edit ? made(root, edit.path) : found(root, edit.path.slice(0, -1));
    const last = edit.path.at(-1) as string | number;
    if (holder === REFUSED) return REFUSED;
    if (!("set" in edit)) remove(holder, last);
    else if (!set(holder as Holder, last, JSON.parse(JSON.stringify(edit.set)))) return REFUSED;
  }
  return root;
}

function found(root: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((at, step) => (holds(at, step) ? at[step] : undefined), root);
}

function made(root: unknown, path: ConfigPath): unknown {
  let at = root;
  for (const [index, step] of path.entries()) {
    if (typeof at !== "object" || at === null || Array.isArray(at) !== (typeof step === "number")) return REFUSED;
    if (Array.isArray(at) && Number(step) > at.length) return REFUSED;
    if (index === path.length - 1) return at;
    if (!holds(at, step)) define(at, step, {});
    at = (at as Holder)[step];
  }
  return at;
}

function set(holder: Holder, key: string | number, to: unknown): boolean {
  const old = holds(holder, key) ? holder[key] : undefined;
  if (isObject(old) && isObject(to)) {
    for (const name of Object.keys(old)) if (!Object.hasOwn(to, name)) delete old[name];
    return Object.keys(to).every((name) => set(old, name, to[name]));
  }
  if (isDeepStrictEqual(old, to)) return true;
  if (
    /\$\{[A-Z_][A-Z0-9_]*\}/.test(
      strings(old)
        .join("\n")
        .replaceAll(/\$\$\{[A-Z_][A-Z0-9_]*\}/g, ""),
    )
  )
    return false;
  define(holder, key, to);
  return true;
}

function strings(at: unknown): string[] {
  if (typeof at === "string") return [at];
  return typeof at === "object" && at !== null ? Object.values(at).flatMap(strings) : [];
}

function remove(holder: unknown, key: string | number): void {
  if (!holds(holder, key)) return;
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function holds(at: unknown, step: string | number): at is Holder {
  return (
    typeof at === "object" && at !== null && Array.isArray(at) === (typeof step === "number") && Object.hasOwn(at, step)
  );
}

function define(at: object, key: string | number, to: unknown): void {
  Object.defineProperty(at, key, { value: to, writable: true, enumerable: true, configurable: true });
}

/** vitest's own comparison takes a key named constructor for the class of the object. */
function expectSame(actual: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(actual, wanted)) expect.fail(`${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`);
}

function isObject(at: unknown): at is Record<string, unknown> {
  return typeof at === "object" && at !== null && !Array.isArray(at);
}

/** Without empty objects: how many of them a removal takes along depends on the comments in them. */
function pruned(at: unknown): unknown {
  if (Array.isArray(at)) return at.map(pruned);
  if (!isObject(at)) return at;
  const kept = {};
  for (const [key, item] of Object.entries(at)) {
    const inner = pruned(item);
    if (!isObject(inner) || Object.keys(inner).length > 0) define(kept, key, inner);
  }
  return kept;
}

/** The comments that are left are those there were, in their order; all that are not in what an edit takes are left. */
function expectComments(before: readonly PlacedComment[], text: string, edits: readonly ConfigEdit[]): void {
  const after = parseJson5(text).comments.map(({ start, end }) => text.slice(start, end));
  const known = before.map((one) => one.text);
  expect(after).toEqual(known.filter((one) => after.includes(one)));
  // Removing an item moves those behind it to other paths; then only the order is looked at.
  if (edits.some((edit) => "remove" in edit && typeof edit.path.at(-1) === "number")) return;
  const kept = before.filter((one) => !edits.some((edit) => takes(edit, one, edits.length > 1)));
  expect(after).toEqual(expect.arrayContaining(kept.map((one) => one.text)));
}

/** @param among there are other edits: they may take what comes next, and then what stood before its comma is behind */
function takes(edit: ConfigEdit, { path, where }: PlacedComment, among: boolean): boolean {
  const within = edit.path.every((step, index) => path[index] === step);
  // An object that a removal leaves empty may go with the comment behind it.
  if (
    "remove" in edit &&
    edit.dropEmpty &&
    (among ? where !== "inside" : where === "behind") &&
    path.every((step, n) => edit.path[n] === step)
  )
    return true;
  if ("remove" in edit || path.length > edit.path.length) return within;
  // An object takes the place of a value, or of keys the new one does not have.
  return within && where === "inside";
}
