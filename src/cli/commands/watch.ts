import { type Diagnosis, diagnose } from "../../engine/diagnose.ts";
import { errorText, UserError } from "../../engine/errors.ts";
import { isAside } from "../../engine/types.ts";
import { compareLooks, renderLook, renderStart, statusText, timeText } from "../../report/looks.ts";
import { withInterrupts } from "../interrupts.ts";
import { keepLooking, type Looking } from "../keep-looking.ts";
import { type Command, EXIT, failureDocument } from "../main.ts";
import type { CliOptions } from "../options.ts";
import { openStatusLine } from "../status-line.ts";
import { painter, plain, type Terminal, toJson } from "../terminal.ts";

const DEFAULT_EVERY = "5m";
const DEFAULT_EVERY_MS = 300_000;

/** Looks again and again, for a terminal beside the problem. Repairs nothing. */
const watch: Command = async (options, terminal) => {
  const { stdout } = terminal;
  const teller = options.format === "json" ? tellPrograms(terminal) : tellPeople(options, terminal);
  const look = (): Promise<Diagnosis> => diagnose({ ...options, env: terminal.env });
  // One Ctrl-C is enough: it only reads.
  const { code, unfinished } = await withInterrupts(terminal, EXIT.interrupted, async ({ signal: interrupt }) => {
    const readerGone = new AbortController();
    const leave = (): void => readerGone.abort();
    stdout.once("error", leave);
    try {
      const signal = AbortSignal.any([readerGone.signal, interrupt]);
      return await keepLooking({ look, everyMs: options.everyMs ?? DEFAULT_EVERY_MS, signal, ...teller });
    } finally {
      stdout.off("error", leave);
      teller.end();
    }
  });
  // It only reads: nobody has to wait for its end.
  if (unfinished && terminal === (process as Terminal)) process.exit(code);
  return { code, document: undefined, text: "" };
};

type Teller = Pick<Looking, "onLook" | "onFailure"> & { end(): void };

/** One JSON document a line: that of `check`, and what changed since the one before. */
function tellPrograms({ stdout }: Terminal): Teller {
  let before: Diagnosis["findings"] = [];
  const write = (document: object, nextMs: number, more: object = {}): void => {
    const watched = { at: new Date().toISOString(), next: new Date(nextMs).toISOString(), ...more };
    stdout.write(`${toJson({ ...document, watch: watched })}\n`);
  };
  return {
    onLook(diagnosis, nextMs) {
      const change: [string, Diagnosis["findings"]][] = Object.entries(compareLooks(before, diagnosis.findings));
      before = diagnosis.findings;
      write(diagnosis, nextMs, Object.fromEntries(change.map(([what, list]) => [what, list.map(({ id }) => id)])));
    },
    onFailure: (error, nextMs) => write(failureDocument(error), nextMs),
    end() {},
  };
}

function tellPeople(options: CliOptions, terminal: Terminal): Teller {
  const { stdout, stderr } = terminal;
  const { quiet, only = [], everyText = DEFAULT_EVERY } = options;
  const paint = painter(stdout, options.color);
  const status = openStatusLine(stderr, !quiet);
  let before: Diagnosis["findings"] | null = null;
  return {
    onLook(diagnosis, nextMs) {
      const { stateDir } = diagnosis;
      const text = { stateDir, atMs: Date.now(), paint };
      // Notes need no action; who asks for their check by name wants to see them.
      const now = only.length > 0 ? diagnosis.findings : diagnosis.findings.filter((finding) => !isAside(finding));
      const start = before === null && !quiet ? renderStart(diagnosis, everyText, text) : "";
      const told = before === null ? "looked" : status.shown ? null : "unchanged";
      const look = renderLook(compareLooks(before ?? [], now), quiet ? null : told, text);
      before = now;
      status.clear();
      stdout.write(start + look);
      status.show((columns) => statusText(now.length, nextMs, columns));
    },
    onFailure(error, nextMs) {
      status.clear();
      const remedy = error instanceof UserError ? ` ${error.remedy}` : "";
      stderr.write(`${timeText(Date.now())}  failed     ${plain(`${errorText(error)}${remedy}`)}\n`);
      status.show((columns) => statusText(before?.length ?? 0, nextMs, columns));
    },
    end: status.clear,
  };
}

export default watch;
