/** Readers that do what no reader may: they show that it would be noticed. */
import fc from "fast-check";
import type { Reader } from "./reader.ts";

const kept: number[][] = [];

function control(name: string, read: Reader["read"]): Reader {
  const made = fc.constant({ text: "{}", says: null });
  return { name: `control: ${name}`, share: 0, samples: [Buffer.from('{"a":1}')], made, read };
}

/** On an input in the middle of the run, where only some inputs do it. */
const sometimes = (bytes: Buffer): boolean => bytes.length % 7 === 3;

export const CONTROLS: readonly Reader[] = [
  control("throws", (bytes) => {
    if (sometimes(bytes)) JSON.parse("{");
    return { says: null };
  }),
  control("never ends", (bytes) => {
    // A pattern that tries all ways to divide what it reads.
    if (sometimes(bytes)) /^(?:a+)+$/.test(`${"a".repeat(200)}b`);
    return { says: null };
  }),
  control("keeps all", (bytes) => {
    kept.push(Array.from({ length: 1024 }, (_, n) => n + bytes.length));
    return { says: null };
  }),
  control("reads wrong", () => ({ says: "something else" })),
  control("looks at each byte for each", (bytes) => {
    let sum = 0;
    for (const one of bytes) for (let at = 0; at < bytes.length; at += 16) sum += one ^ (bytes[at] ?? 0);
    return { says: sum };
  }),
];
