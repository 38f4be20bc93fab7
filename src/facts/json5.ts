import type JSON5 from "json5";

let json5: typeof JSON5 | undefined;

/**
 * What json5 reads in a text. It is loaded only now: most configs are strict JSON, and nobody needs it for those.
 * @throws SyntaxError with `lineNumber` and `columnNumber`; its message quotes the text.
 */
export function parseWithJson5(text: string): unknown {
  json5 ??= process.getBuiltinModule("node:module").createRequire(import.meta.url)("json5") as typeof JSON5;
  return json5.parse(text);
}
