// Preloaded into our command: writes which packages it loaded, one a line, to the file in VITALS_BENCH_LOADED.
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

const loaded = new Set();
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(resolved.url) ?? [];
    // What a dependency needs in turn is a part of what that costs.
    if (name && !context.parentURL?.includes("/node_modules/")) loaded.add(name);
    // Whoever is asked something waits for an answer, and all is loaded by then.
    if (name === "inquirer") setTimeout(() => process.exit(), 500);
    return resolved;
  },
});
process.on("exit", () => writeFileSync(process.env.VITALS_BENCH_LOADED, [...loaded].join("\n")));
