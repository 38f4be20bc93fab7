#!/usr/bin/env node
process.getBuiltinModule("node:module").enableCompileCache?.();
const { runProcess } = await import("./main.ts");
// A reader that went away (`| head`) is no failure of ours.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
await runProcess(process.argv.slice(2));
