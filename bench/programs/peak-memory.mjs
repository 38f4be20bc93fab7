// Loaded before a program: writes the most memory it had, in bytes, to the file VITALS_BENCH_PEAK names.
import { writeFileSync } from "node:fs";

process.on("exit", () => writeFileSync(process.env.VITALS_BENCH_PEAK, String(process.resourceUsage().maxRSS * 1024)));
