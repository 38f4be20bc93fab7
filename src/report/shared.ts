import type { Diagnosis } from "../engine/diagnose.ts";
import type { Evidence, Finding } from "../engine/types.ts";
import type { Redactor } from "./redact.ts";

declare const SHAREABLE: unique symbol;

/** Made by a redactor: what leaves this machine is rendered from nothing else. */
export type Shareable<T> = T & { readonly [SHAREABLE]: true };

/** A diagnosis that can be shown to anybody. Each field is named here: a new one stays at home until it is added. */
export type SharedDiagnosis = Shareable<
  Pick<Diagnosis, "schemaVersion" | "ok" | "checksRun" | "checksSkipped" | "findings" | "tool" | "host" | "timings">
>;

const VERSION = /^20\d\d\.\d{1,2}\.\d{1,3}(?:-(?:alpha|beta|rc)\.\d{1,2}|-\d{1,2})?$/;

/** The diagnosis without names, paths and texts of the state it was made of. */
export function shareDiagnosis(diagnosis: Diagnosis, redactor: Redactor): SharedDiagnosis {
  const { schemaVersion, ok, checksRun, checksSkipped, findings, tool, host, timings } = diagnosis;
  for (const finding of findings) learnNames(finding, redactor);
  return {
    schemaVersion,
    ok,
    checksRun,
    checksSkipped,
    findings: findings.map((finding) => shareFinding(finding, redactor)),
    tool,
    host: { version: shareVersion(host.version), source: redactor.text(host.source) },
    timings,
  } as unknown as SharedDiagnosis;
}

/** A version of OpenClaw; null for none, and for text that is not one. */
export function shareVersion(version: string | null): string | null {
  return version !== null && VERSION.test(version) ? version : null;
}

/** Names stand in the targets and paths of findings; known first, they are recognised in all texts. */
export function learnNames({ target, path }: Pick<Finding, "target" | "path">, redactor: Redactor): void {
  const lock = /^agent (.+), session (.+)$/s.exec(target ?? "");
  const alone = /^(?:accounts of )?agent (.+)$/s.exec(target ?? "");
  if (lock !== null) {
    redactor.learn("agent", lock[1] ?? "");
    redactor.learn("session", lock[2] ?? "");
  } else if (alone !== null) redactor.learn("agent", alone[1] ?? "");
  const job = /^cron job (.+)$/s.exec(target ?? "");
  if (job !== null) redactor.learn("job", job[1] ?? "");
  const account = /^(?:sign-in|OAuth token), (.+)$/s.exec(target ?? "");
  if (account !== null) redactor.learn("account", account[1] ?? "");
  if (path !== undefined) redactor.path(path);
}

function shareFinding(finding: Finding, redactor: Redactor): Finding {
  const { id, checkId, severity, verdict, confidence, source, docsUrl, fix } = finding;
  const { message, path, ocPath, target, requirement, fixHint, evidence, location } = finding;
  const text = <K extends string>(key: K, value: string | undefined) =>
    (value === undefined ? {} : { [key]: redactor.text(value) }) as { [P in K]?: string };
  return {
    id,
    checkId,
    severity,
    message: redactor.text(message),
    ...(path === undefined ? {} : { path: redactor.path(path) }),
    ...(location === undefined ? {} : { location: { ...location, file: redactor.path(location.file) } }),
    ...text("ocPath", ocPath),
    ...text("target", target),
    ...text("requirement", requirement),
    ...text("fixHint", fixHint),
    ...(verdict === undefined ? {} : { verdict }),
    confidence,
    evidence: evidence.map((one) => shareEvidence(one, redactor)),
    source,
    docsUrl,
    fix,
  };
}

function shareEvidence({ what, value, source }: Evidence, redactor: Redactor): Evidence {
  return { what: redactor.text(what), value: redactor.value(value), source: redactor.text(source) };
}
