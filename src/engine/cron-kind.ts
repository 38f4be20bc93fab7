import type { ChangeKind } from "./change-kinds.ts";

/** A job is the host's to change back. */
export const cronKind: ChangeKind = {
  settle: () => ({ phase: "kept", reason: "interrupted; `openclaw-vitals check` shows whether the job was changed" }),
  canUndo: () => false,
  undo: ({ detail }) => ({
    status: "skipped",
    reason: `only OpenClaw changes its jobs: \`openclaw cron edit ${detail["job"]} ${detail["option"]} ${detail["before"]}\``,
  }),
};
