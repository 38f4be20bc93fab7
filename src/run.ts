import type { TinyExec } from "tinyexec";

/**
 * What starts every program of ours: tinyexec with the PATH as it is. By itself it puts `node_modules/.bin` of the
 * working directory and of every folder above first, and those may be an agent's workspace.
 */
export async function programs(): Promise<TinyExec> {
  const { x } = await import("tinyexec");
  return (command, args, options) => x(command, args, { ...options, nodePath: false });
}
