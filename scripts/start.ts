/** `npm start`: looks at this machine's OpenClaw, or shows the demo where there is none. */

import { runCli } from "../src/cli/main.ts";
import { UserError } from "../src/engine/errors.ts";
import { locate } from "../src/facts/installation.ts";

function command(): string {
  try {
    locate({ env: process.env });
    return "check";
  } catch (error) {
    if (error instanceof UserError) return "demo";
    throw error;
  }
}

process.exitCode = await runCli([command()], process);
