import { closeSync, constants, fchmodSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { randomHex } from "../digest.ts";
import { errorCode, errorText, UserError } from "../engine/errors.ts";
import { type BugReport, renderBugReport } from "./bug-report.ts";

/** Where the host's own export lies in the zip; its name says whose it is. */
export const HOST_FOLDER = "openclaw-own-diagnostics";

const HOST_NOTE = `openclaw-diagnostics.zip is OpenClaw's own export (\`openclaw gateway diagnostics export\`).
It was redacted by OpenClaw's rules only: it can hold names of agents, ids of sessions, names of machines and
private addresses. Look into it before you publish it.
`;

/** The files of a report, by name. */
export async function zipReport(report: BugReport, hostZip: Uint8Array | null): Promise<Uint8Array> {
  const { strToU8, zipSync } = await import("fflate");
  const json = (value: unknown): Uint8Array => strToU8(`${JSON.stringify(value, null, 2)}\n`);
  const files: Record<string, Uint8Array> = {
    "report.md": strToU8(renderBugReport(report)),
    "diagnosis.json": json(report.diagnosis),
    "journal.json": json(report.journal),
    "vital-signs.json": json(report.vitals),
  };
  if (hostZip !== null) {
    files[`${HOST_FOLDER}/README.txt`] = strToU8(HOST_NOTE);
    files[`${HOST_FOLDER}/openclaw-diagnostics.zip`] = hostZip;
  }
  return zipSync(files);
}

/**
 * Writes a file that only its owner can read, whole or not at all.
 * @throws UserError when it is there already and not to be replaced, or cannot be written.
 */
export function writePrivate(file: string, data: Uint8Array | string, replace: boolean): void {
  const temporary = `${file}.${randomHex(6)}.tmp`;
  try {
    if (replace) {
      writeNew(temporary, data);
      renameSync(temporary, file);
    } else writeNew(file, data);
  } catch (error) {
    if (replace) rmSync(temporary, { force: true });
    if (errorCode(error) === "EEXIST")
      throw new UserError(`${file} is there already.`, "Choose another name, or replace it with --force.");
    throw new UserError(
      `${file} cannot be written (${errorCode(error) ?? errorText(error)}).`,
      `Check that ${path.dirname(file)} exists and can be written to.`,
    );
  }
}

function writeNew(file: string, data: Uint8Array | string): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const fd = openSync(file, flags, 0o600);
  try {
    fchmodSync(fd, 0o600); // whatever the umask
    const bytes = Buffer.from(data);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
