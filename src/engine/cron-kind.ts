import type { ChangeKind } from "./change-kinds.ts";

/** What may stand in a command that people paste: the journal is a file that others can have written into. */
const WORD = /^[\w.:-]{1,200}$/;

/** A job is the host's to change back. */
export const cronKind: ChangeKind = {
  settle: () => ({ phase: "kept", reason: "interrupted; `openclaw-vitals check` shows whether the job was changed" }),
  canUndo: () => false,
  undo({ detail }) {
    const words = [detail["job"], detail["option"], detail["before"]].map(String);
    const command = words.every((word) => WORD.test(word)) ? `: \`openclaw cron edit ${words.join(" ")}\`` : "";
    return { status: "skipped", reason: `only OpenClaw changes its jobs${command}` };
  },
};
