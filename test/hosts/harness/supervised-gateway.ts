/** Run by the tests: what a service manager does. Starts `<program> <args>` again whenever it ends. */
import { spawn } from "node:child_process";

const [program = "", ...args] = process.argv.slice(2);

function start(): void {
  spawn(program, args, { stdio: "inherit" }).once("exit", () => void setTimeout(start, 500));
}

start();
