/**
 * Blocks the event loop of the gateway it runs in, as a file in its folder says: `<busy|waiting> <block ms> <pause
 * ms> <times>`. Busy takes a whole processor, waiting none, so that a test has one left for itself. Looks for the file every 50 ms and takes it away before it begins.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const POLL_MS = 50;
const folder = process.env.VITALS_TEST_BLOCKER;

export default {
  id: "loop-blocker",
  name: "Loop blocker",
  description: "Blocks a gateway's event loop on demand, for tests",
  register(api) {
    let timer;
    api.registerService({
      id: "loop-blocker",
      start() {
        if (folder === undefined) return;
        writeFileSync(join(folder, "ready"), String(process.pid));
        timer = setTimeout(look, POLL_MS);
      },
      stop() {
        clearTimeout(timer);
      },
    });

    function look() {
      const order = take(join(folder, "order"));
      if (order === null) timer = setTimeout(look, POLL_MS);
      else block(...order);
    }

    function block(how, blockMs, pauseMs, times) {
      const end = performance.now() + blockMs;
      if (how === "waiting") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
      while (performance.now() < end);
      // A new order ends the old one.
      timer = setTimeout(() => {
        const order = take(join(folder, "order"));
        if (order !== null) block(...order);
        else if (times > 1) block(how, blockMs, pauseMs, times - 1);
        else look();
      }, pauseMs);
    }
  },
};

function take(file) {
  try {
    const [how, ...numbers] = readFileSync(file, "utf8").split(" ");
    rmSync(file);
    return [how, ...numbers.map(Number)];
  } catch {
    return null;
  }
}
