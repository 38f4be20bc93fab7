/**
 * `npm run bench [-- --json] [-- --only <name>] [-- --quick]`: the figures this project promises, each against a
 * reference measured in the same run. Exit 1 when one does not keep to its limit. Needs a build; some need real hosts,
 * which are installed when they are missing. Quartiles stand beside each middle: where they are far apart the machine
 * was busy, and nothing is proven.
 */
import { parseArgs } from "node:util";
import { measureDependencyCost } from "./dependency-cost.ts";
import { doctor, longLog, type Measured, repair, scale, startUp } from "./figures.ts";
import { measureInstallSize } from "./install-size.ts";
import type { Figure, Spread } from "./paired.ts";
import { table } from "./table.ts";

/** Groups of figures, with the pairs each needs for quartiles that mean something. */
const GROUPS: Record<string, { readonly pairs: number; readonly measure: (pairs: number) => Promise<Measured> }> = {
  "start-up": { pairs: 41, measure: startUp },
  scale: { pairs: 9, measure: scale },
  repair: { pairs: 7, measure: repair },
  log: { pairs: 21, measure: longLog },
  doctor: { pairs: 9, measure: doctor },
};
const SUPPLY = ["size", "dependencies"];

const { values } = parseArgs({
  options: { json: { type: "boolean" }, quick: { type: "boolean" }, only: { type: "string", multiple: true } },
});
const names = [...Object.keys(GROUPS), ...SUPPLY];
const wanted = values.only ?? names;
const unknown = wanted.find((name) => !names.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`There is no group of figures "${unknown}". The groups are: ${names.join(", ")}.\n`);
  process.exit(2);
}

const figures: Figure[] = [];
const amounts: NonNullable<Measured["amounts"]>[number][] = [];
for (const [name, { pairs, measure }] of Object.entries(GROUPS)) {
  if (!wanted.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  const measured = await measure(values.quick ? 3 : pairs);
  figures.push(...measured.figures);
  amounts.push(...(measured.amounts ?? []));
}
const dependencies = wanted.includes("dependencies")
  ? await measureDependencyCost({ pairs: values.quick ? 3 : 15 })
  : [];
const size = wanted.includes("size") ? await measureInstallSize() : null;

if (values.json) {
  process.stdout.write(`${JSON.stringify({ node: process.version, figures, amounts, size, dependencies }, null, 2)}\n`);
} else {
  process.stdout.write(text());
}
process.exitCode = [...figures, ...amounts].some(({ holds }) => holds === false) ? 1 : 0;

function text(): string {
  const parts: string[] = [];
  if (figures.length > 0) {
    const head = ["figure", "ratio", "quartiles", "limit", "", "ms", "reference ms", "pairs"];
    parts.push(table([head, ...figures.map(row)]));
  }
  if (amounts.length > 0)
    parts.push(
      table([
        ["amount", "", "limit", ""],
        ...amounts.map(({ name, value, unit, limit, holds }) => [
          name,
          `${value.toFixed(1)} ${unit}`,
          limit === undefined ? "" : `${limit} ${unit}`,
          verdict(holds),
        ]),
      ]),
    );
  if (size !== null)
    parts.push(
      `${size.packages} packages and ours: ${kb(size.bytes)}, ${kb(size.ownBytes)} of it ours (${kb(size.packedBytes)} packed)\n`,
    );
  if (dependencies.length > 0)
    parts.push(
      table([
        ["dependency", "adds ms", "quartiles", "× node -e 0", "loaded by"],
        ...dependencies.map(({ name, addedMs, ratio, usedBy }) => [
          name,
          addedMs.median.toFixed(1),
          range(addedMs, 1),
          ratio.median.toFixed(2),
          usedBy.length > 6 ? `${usedBy.length} commands` : usedBy.join(", "),
        ]),
      ]),
    );
  return parts.join("\n");
}

function row({ name, ratio, limit, holds, subjectMs, referenceMs, pairs }: Figure): string[] {
  return [
    name,
    `${ratio.median.toFixed(3)} ×`,
    range(ratio, 3),
    limit === undefined ? "" : limit.toFixed(3),
    verdict(holds),
    subjectMs.median.toFixed(0),
    referenceMs.median.toFixed(0),
    String(pairs),
  ];
}

function range({ q1, q3 }: Spread, digits: number): string {
  return `${q1.toFixed(digits)}–${q3.toFixed(digits)}`;
}

function verdict(holds: boolean | undefined): string {
  return holds === undefined ? "" : holds ? "holds" : "missed";
}

function kb(bytes: number): string {
  return `${Math.round(bytes / 1024).toLocaleString("en")} KB`;
}
