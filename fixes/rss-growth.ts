import { planMemoryRestart } from "../src/engine/memory-restart.ts";
import type { Fix } from "../src/engine/types.ts";

/** Restarts the gateway, which counts only as a new process that needs less memory. */
const fix: Fix = { id: "rss-growth", plan: planMemoryRestart };

export default fix;
