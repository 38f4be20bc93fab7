#!/usr/bin/env node
process.getBuiltinModule("node:module").enableCompileCache?.();
const { runProcess } = await import("./main.ts");
await runProcess(process.argv.slice(2));
