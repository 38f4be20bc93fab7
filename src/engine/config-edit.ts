import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../facts/config.ts";
import { hasReference } from "../facts/config-env.ts";
import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import {
  findMember,
  type Json5Entry,
  type Json5Node,
  type Json5Text,
  nodeValue,
  parseJson5,
  setOwn,
} from "../facts/json5-text.ts";
import { addEntry, applySplices, isOneLine, removeEntry, replaceValue, type Splice } from "./config-splice.ts";
import { UserError } from "./errors.ts";

/** A JSON value. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * One change of a config file. `set` gives a path a value and makes the objects above it where they are missing.
 * Lists are not made. `remove` takes a key or item away; with `dropEmpty` also each object above that it leaves empty, unless a comment
 * is in it. The path is one within the file.
 */
export type ConfigEdit =
  | { readonly path: ConfigPath; readonly set: JsonValue }
  | { readonly path: ConfigPath; readonly remove: true; readonly dropEmpty?: boolean };

export interface EditedConfig {
  readonly text: string;
  /** False when the text already is as the edits want it. */
  readonly changed: boolean;
}

/**
 * Changes the text of a config file: exactly the named keys, and of everything else not one byte. Of a key given
 * twice the one that counts is set, and all are removed. An object is set key by key, so that what is equal stays.
 * The result is read again and compared with what the edits should come to.
 * @throws UserError when the text is not JSON5, when something that is no object or list is in the way, or when the
 *   value to replace refers to the environment: the reference stays.
 */
export function editConfigText(text: string, edits: readonly ConfigEdit[]): EditedConfig {
  const before = read(text);
  let doc = before;
  let expected = before.value;
  for (const edit of edits) {
    if (edit.path.length === 0) throw new Error("an edit needs a path");
    if ("set" in edit) {
      const value: unknown = JSON.parse(JSON.stringify(edit.set));
      doc = setIn(doc, edit.path, value);
      expected = withValue(expected, edit.path, value);
      continue;
    }
    doc = removeIn(doc, edit.path);
    expected = withoutValue(expected, edit.path);
    for (let path = edit.path.slice(0, -1); edit.dropEmpty && isDroppable(doc, path); path = path.slice(0, -1)) {
      doc = removeIn(doc, path);
      expected = withoutValue(expected, path);
    }
  }
  if (!isDeepStrictEqual(doc.value, expected) || !keepsOrder(before, doc))
    throw new Error("the edit of the config would change something else; nothing was written");
  return { text: doc.text, changed: doc.text !== text };
}

function read(text: string): Json5Text {
  try {
    return parseJson5(text);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
    throw new UserError("The config is not valid JSON5.", "Correct it first.");
  }
}

function spliced(doc: Json5Text, splices: readonly Splice[]): Json5Text {
  try {
    return parseJson5(applySplices(doc.text, splices));
  } catch {
    // The parser's own message quotes the text, which may be a secret.
    throw new Error("the edit of the config would break its text; nothing was written");
  }
}

function setIn(doc: Json5Text, path: ConfigPath, value: unknown): Json5Text {
  const { node, rest, inline } = descend(doc, path);
  const [step] = rest;
  if (step !== undefined) {
    const madeKeys = rest.slice(1);
    if (node.kind === "scalar" || !fits(node, step) || madeKeys.some((key) => typeof key === "number"))
      throw inTheWay(path.slice(0, path.length - rest.length));
    const added = madeKeys.reduceRight<unknown>((inner, key) => withValue({}, [key], inner), value);
    return spliced(doc, addEntry(doc, node, inline, typeof step === "string" ? step : null, added));
  }
  const old = nodeValue(node);
  if (isDeepStrictEqual(old, value)) return doc;
  if (isRecord(old) && isRecord(value)) {
    let result = doc;
    for (const key of Object.keys(old)) if (!Object.hasOwn(value, key)) result = removeIn(result, [...path, key]);
    for (const [key, item] of Object.entries(value)) result = setIn(result, [...path, key], item);
    return result;
  }
  if (hasReference(old)) {
    const remedy = "Change the variable, or write the value in place of the reference yourself.";
    throw new UserError(`${formatPath(path)} takes its value from the environment.`, remedy);
  }
  const parent = descend(doc, path.slice(0, -1)).node;
  const entry = entryOf(parent, path.at(-1));
  if (parent.kind === "scalar" || entry === undefined) throw inTheWay(path);
  return spliced(doc, replaceValue(doc, parent, entry, value));
}

function removeIn(doc: Json5Text, path: ConfigPath): Json5Text {
  const { node, rest } = descend(doc, path.slice(0, -1));
  const entry = rest.length === 0 ? entryOf(node, path.at(-1)) : undefined;
  if (node.kind === "scalar" || entry === undefined) return doc;
  const removed = spliced(doc, removeEntry(doc, node, entry));
  return entry.key === null ? removed : removeIn(removed, path);
}

interface Reached {
  /** The last node on the path that exists. */
  readonly node: Json5Node;
  readonly rest: ConfigPath;
  /** An empty object here is filled without a line break. */
  readonly inline: boolean;
}

function descend(doc: Json5Text, path: ConfigPath): Reached {
  let node = doc.root;
  let inline = isOneLine(doc, { ...doc.root, start: 0, end: doc.text.length });
  for (const [index, step] of path.entries()) {
    const entry = entryOf(node, step);
    if (entry === undefined) return { node, rest: path.slice(index), inline };
    inline = isOneLine(doc, node);
    node = entry.value;
  }
  return { node, rest: [], inline };
}

function entryOf(node: Json5Node, step: string | number | undefined): Json5Entry | undefined {
  if (typeof step === "string") return findMember(node, step);
  return node.kind === "array" && step !== undefined ? node.entries[step] : undefined;
}

/** A list only grows at its end. */
function fits(node: Extract<Json5Node, { entries: unknown }>, step: string | number): boolean {
  return node.kind === "object" ? typeof step === "string" : step === node.entries.length;
}

function inTheWay(path: ConfigPath): UserError {
  const name = formatPath(path) || "the config";
  return new UserError(`${name} does not have the shape the change needs.`, "Correct it by hand.");
}

/** Nothing is left in it, no comment is in it or between its key and comma, and the key is given once. */
function isDroppable(doc: Json5Text, path: ConfigPath): boolean {
  const key = path.at(-1);
  const parent = descend(doc, path.slice(0, -1)).node;
  if (typeof key !== "string" || parent.kind !== "object") return false;
  const [entry, another] = parent.entries.filter((one) => one.key === key);
  if (entry?.value.kind !== "object" || entry.value.entries.length > 0 || another !== undefined) return false;
  const end = entry.comma ?? entry.end;
  return !doc.comments.some(({ start }) => start > entry.start && start < end);
}

/** The same edit on plain values, which the edit of the text is held against. */
function withValue(holder: unknown, [step, ...rest]: ConfigPath, value: unknown): unknown {
  if (step === undefined) return value;
  if (typeof step === "number") {
    const list = Array.isArray(holder) ? [...holder] : [];
    list[step] = withValue(list[step], rest, value);
    return list;
  }
  const copy = copyOf(isRecord(holder) ? holder : {});
  setOwn(copy, step, withValue(Object.hasOwn(copy, step) ? copy[step] : undefined, rest, value));
  return copy;
}

function withoutValue(holder: unknown, [step, ...rest]: ConfigPath): unknown {
  if (Array.isArray(holder) && typeof step === "number" && step < holder.length)
    return rest.length === 0 ? holder.toSpliced(step, 1) : holder.with(step, withoutValue(holder[step], rest));
  if (!isRecord(holder) || typeof step !== "string" || !Object.hasOwn(holder, step)) return holder;
  const copy = copyOf(holder);
  if (rest.length === 0) delete copy[step];
  else setOwn(copy, step, withoutValue(copy[step], rest));
  return copy;
}

function copyOf(value: Record<string, unknown>): Record<string, unknown> {
  const copy = {};
  for (const [key, item] of Object.entries(value)) setOwn(copy, key, item);
  return copy;
}

/** Comments may go with what they are in; none is changed, added or moved past another. */
function keepsOrder(before: Json5Text, after: Json5Text): boolean {
  const left = commentTexts(before)[Symbol.iterator]();
  return commentTexts(after).every((comment) => {
    for (let next = left.next(); !next.done; next = left.next()) if (next.value === comment) return true;
    return false;
  });
}

function commentTexts({ text, comments }: Json5Text): string[] {
  return comments.map(({ start, end }) => text.slice(start, end));
}
