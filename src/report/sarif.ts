import { catalogue, docsUrl } from "../engine/catalogue.ts";
import type { Finding, Severity } from "../engine/types.ts";
import type { SharedDiagnosis } from "./shared.ts";

/** The name under which URIs are relative to the state dir; where that is stays unsaid. */
const STATE = "STATE_DIR";
/** GitHub takes no result without a file; what is about the whole install is told of its config. */
const WHOLE_INSTALL = "openclaw.json";

const LEVEL: Record<Severity, "error" | "warning" | "note"> = { error: "error", warning: "warning", info: "note" };

/** A diagnosis as SARIF 2.1.0, one line of JSON. */
export function renderSarif(diagnosis: SharedDiagnosis): string {
  const { tool, findings, host } = diagnosis;
  const rules = ruleList(findings);
  const run = {
    tool: {
      driver: {
        name: tool.name,
        version: tool.version,
        semanticVersion: tool.version,
        informationUri: "https://www.npmjs.com/package/openclaw-vitals",
        rules,
      },
    },
    automationDetails: { id: "openclaw-vitals/" },
    invocations: [{ executionSuccessful: true, exitCode: diagnosis.ok ? 0 : 1 }],
    originalUriBaseIds: { [STATE]: { description: { text: "The state directory of OpenClaw." } } },
    columnKind: "utf16CodeUnits",
    properties: { openclawVersion: host.version ?? "unknown" },
    results: findings.map((finding) => result(finding, rules)),
  };
  const $schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
  return `${JSON.stringify({ $schema, version: "2.1.0", runs: [run] })}\n`;
}

/** The catalogue's checks, then what else a finding can come from, e.g. a part of the install that cannot be read. */
function ruleList(findings: readonly Finding[]) {
  const known = catalogue().map(({ id, title, protects, severity, references, fix }) => ({
    id,
    name: id.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: `${title}.` },
    fullDescription: { text: protects },
    helpUri: docsUrl(id),
    help: { text: fix === null ? "There is no repair." : `\`openclaw-vitals fix\`: ${fix.summary}` },
    defaultConfiguration: { level: LEVEL[severity] },
    properties: {
      tags: ["openclaw"],
      references: references.map((number) => `https://github.com/openclaw/openclaw/issues/${number}`),
    },
  }));
  const others = findings.filter(({ checkId }) => !known.some(({ id }) => id === ruleId(checkId)));
  const added = [...new Map(others.map((finding) => [ruleId(finding.checkId), finding]))].map(([id, finding]) => ({
    id,
    shortDescription: { text: "A part of the install that could not be looked at." },
    helpUri: finding.docsUrl,
    defaultConfiguration: { level: LEVEL[finding.severity] },
  }));
  return [...known, ...added];
}

function result(finding: Finding, rules: readonly { readonly id: string }[]) {
  const { id, checkId, severity, message, fixHint, verdict, confidence, evidence, target, ocPath, fix } = finding;
  const rule = ruleId(checkId);
  return {
    ruleId: rule,
    ruleIndex: rules.findIndex((one) => one.id === rule),
    level: LEVEL[severity],
    message: { text: fixHint === undefined ? message : `${message} ${fixHint}` },
    locations: [location(finding)],
    // GitHub reads the second one only, and would else compute it from a file that it may not have.
    partialFingerprints: { "openclawVitals/v1": id, primaryLocationLineHash: `${id}:1` },
    properties: {
      confidence,
      ...(verdict === undefined ? {} : { verdict }),
      ...(target === undefined ? {} : { target }),
      ...(ocPath === undefined ? {} : { configKey: ocPath }),
      ...(fix === null ? {} : { fix: { id: fix.id, risk: fix.risk } }),
      evidence,
    },
  };
}

function location({ location: place, path, target }: Finding) {
  const uri = place?.file ?? path ?? WHOLE_INSTALL;
  const region = place === undefined ? {} : { region: { startLine: place.line, startColumn: place.column } };
  return {
    physicalLocation: { artifactLocation: { uri: toUri(uri), uriBaseId: STATE }, ...region },
    ...(target === undefined ? {} : { logicalLocations: [{ fullyQualifiedName: target }] }),
  };
}

function toUri(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

function ruleId(checkId: string): string {
  return checkId.replace(/^vitals\//, "");
}
