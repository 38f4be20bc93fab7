import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { errorCode } from "../engine/errors.ts";
import { recordOf } from "./json-record.ts";
import { parseWithJson5 } from "./json5.ts";
import { readRegularFile, Unsuitable } from "./regular-file.ts";
import { readDatabaseCopy } from "./sqlite-copy.ts";

/** A cron job as far as its time limit goes. Its name and its text stay where they are. */
export interface CronJob {
  readonly id: string;
  readonly enabled: boolean;
  /** `agentTurn`, `systemEvent`; later versions also `command`, `script` and more. */
  readonly kind: string;
  /** Seconds; null when the job says nothing. */
  readonly timeoutSeconds: number | null;
}

export interface CronJobFacts {
  /** The file or database they are in. */
  readonly path: string;
  readonly jobs: readonly CronJob[];
  /** Why some could not be read, one sentence each. */
  readonly problems: readonly string[];
}

export interface CronJobOptions {
  readonly stateDir: string;
  /** `cron.store` of the config, resolved; null for the host's own place. */
  readonly store: string | null;
}

const MAX_BYTES = 33_554_432;
const MAX_JOBS = 10_000;
/** Ids go into commands, and are no options there. */
const ID = /^[\w.:][\w.:-]{0,199}$/;

/**
 * The host's cron jobs: from its database where that has the table (2026.7 and newer; a copy is read), else from
 * `cron/jobs.json`. Never throws.
 */
export async function readCronJobs({ stateDir, store }: CronJobOptions): Promise<CronJobFacts> {
  const database = path.join(stateDir, "state", "openclaw.sqlite");
  const found = await readDatabaseCopy(database, (db) => (hasTable(db) ? rows(db) : null));
  if (found.status === "unreadable") {
    return { path: database, jobs: [], problems: [`${database} ${found.why}, its cron jobs were not looked at`] };
  }
  if (found.status === "read" && found.value !== null) return { path: database, jobs: found.value, problems: [] };
  return readFile(store ?? path.join(stateDir, "cron", "jobs.json"));
}

function hasTable(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'cron_jobs'").get() !== undefined;
}

/** Only what is needed leaves the database: a job's text may be private, and large. */
function rows(db: DatabaseSync): CronJob[] {
  const query = `SELECT job_id AS id, enabled, payload_kind AS kind,
    CASE WHEN json_valid(job_json) THEN json_extract(job_json, '$.payload.timeoutSeconds') END AS timeoutSeconds
    FROM cron_jobs ORDER BY store_key, sort_order LIMIT ${MAX_JOBS}`;
  return db
    .prepare(query)
    .all()
    .flatMap((row) => job(row["id"], row["enabled"] !== 0, row["kind"], row["timeoutSeconds"]));
}

function readFile(file: string): CronJobFacts {
  const problem = (why: string): CronJobFacts => ({
    path: file,
    jobs: [],
    problems: [`${file} ${why}, its cron jobs were not looked at`],
  });
  try {
    const value: unknown = parseWithJson5(readRegularFile(file, MAX_BYTES).bytes.toString("utf8"));
    const list = Array.isArray(value) ? value : recordOf(value)["jobs"];
    const jobs = (Array.isArray(list) ? list : []).slice(0, MAX_JOBS).flatMap((entry: unknown) => {
      const { id, jobId, enabled, payload } = recordOf(entry);
      const { kind, timeoutSeconds } = recordOf(payload);
      return job(id ?? jobId, enabled !== false, kind, timeoutSeconds);
    });
    return { path: file, jobs, problems: [] };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { path: file, jobs: [], problems: [] };
    if (error instanceof Unsuitable) return problem(`is ${error.why}`);
    // The parser's own message quotes the text.
    return problem(
      error instanceof SyntaxError ? "is not valid JSON" : `cannot be read (${errorCode(error) ?? "unexpected error"})`,
    );
  }
}

function job(id: unknown, enabled: boolean, kind: unknown, timeoutSeconds: unknown): CronJob[] {
  if (typeof id !== "string" || !ID.test(id)) return [];
  const seconds = typeof timeoutSeconds === "number" && Number.isFinite(timeoutSeconds) ? timeoutSeconds : null;
  return [{ id, enabled, kind: typeof kind === "string" ? kind : "", timeoutSeconds: seconds }];
}
