// The least that it takes to move each lock away for good: one rename, and its folder synced to the disk.
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";

const state = process.argv[2];
const away = join(state, "moved");
mkdirSync(away, { recursive: true });
for (const agent of readdirSync(join(state, "agents"))) {
  const folder = join(state, "agents", agent, "sessions");
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".jsonl.lock")) continue;
    renameSync(join(folder, name), join(away, name));
    const descriptor = openSync(folder, "r");
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
}
