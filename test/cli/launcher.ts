/**
 * Run by the tests as OpenClaw's launcher runs OpenClaw: it starts the program, passes a signal on to it, and ends it
 * when it is still there a second later.
 */
import { spawn } from "node:child_process";

const [, , command = "", ...args] = process.argv;
const child = spawn(command, args, { stdio: "inherit" });
process.on("SIGINT", () => {
  child.kill("SIGINT");
  setTimeout(() => child.kill("SIGTERM"), 1000).unref();
});
child.once("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
