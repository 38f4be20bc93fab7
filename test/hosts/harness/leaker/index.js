/**
 * Keeps memory in the gateway it runs in, as a file in its folder says: `<MiB per minute> <MiB at most>`. Each second
 * the file is read again; without it nothing more is taken, and what was taken is kept.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MIB = 1_048_576;
const folder = process.env.VITALS_TEST_LEAKER;
/** No mistake in a test may take the machine's memory. */
const MOST_MIB = 2048;

export default {
  id: "memory-leaker",
  name: "Memory leaker",
  description: "Lets a gateway's memory grow on demand, for tests",
  register(api) {
    const kept = [];
    let bytes = 0;
    let last = 0;
    let timer;
    api.registerService({
      id: "memory-leaker",
      start() {
        if (folder === undefined) return;
        last = performance.now();
        timer = setInterval(leak, 1000);
        writeFileSync(join(folder, "ready"), String(process.pid));
      },
      stop() {
        clearInterval(timer);
      },
    });

    function leak() {
      const now = performance.now();
      const order = read(join(folder, "order"));
      // After a busy moment it catches up, or it would be slower than it says; after a long one that would be a step.
      const ms = Math.min(now - last, 10_000);
      const due = order === null ? 0 : Math.floor((order[0] * MIB * ms) / 60_000);
      last = now;
      if (due <= 0 || bytes + due > Math.min(order[1], MOST_MIB) * MIB) return;
      if (bytes === 0) writeFileSync(join(folder, "leaking"), "");
      bytes += due;
      kept.push(Buffer.alloc(due, 1));
    }
  },
};

function read(file) {
  try {
    return readFileSync(file, "utf8").split(" ").map(Number);
  } catch {
    return null;
  }
}
