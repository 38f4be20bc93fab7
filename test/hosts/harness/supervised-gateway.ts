/**
 * Run by the tests: what a service manager does. Starts `<program> <args>` again whenever it ends, after
 * VITALS_TEST_DOWN_MS milliseconds (default 500).
 */
import { spawn } from "node:child_process";

const [program = "", ...args] = process.argv.slice(2);
const downMs = Number(process.env["VITALS_TEST_DOWN_MS"] ?? 500);

function start(): void {
  spawn(program, args, { stdio: "inherit" }).once("exit", () => void setTimeout(start, downMs));
}

start();
