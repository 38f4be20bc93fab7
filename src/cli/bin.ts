#!/usr/bin/env node
// `engines` of package.json. An older Node must get as far as to be told so: nothing is imported before.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  const { refuse } = await import("./old-node.ts");
  await refuse(process.argv.slice(2));
} else {
  process.getBuiltinModule("node:module").enableCompileCache?.();
  const { inProcessOfOurOwn, runProcess } = await import("./main.ts");
  inProcessOfOurOwn();
  await runProcess(process.argv.slice(2));
  // Node would first take apart what is in memory, and nobody needs that any more.
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
}
