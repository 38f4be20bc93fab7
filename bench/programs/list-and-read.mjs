// The least that a program must do to know what the locks say: list the folders, read each lock once.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const agents = join(process.argv[2], "agents");
let pids = 0;
for (const agent of readdirSync(agents)) {
  const folder = join(agents, agent, "sessions");
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isFile() && entry.name.endsWith(".jsonl.lock"))
      pids += JSON.parse(readFileSync(join(folder, entry.name), "utf8")).pid > 0 ? 1 : 0;
}
process.stdout.write(`${pids}\n`);
