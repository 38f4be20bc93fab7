import { type Hazard, hazardsOf } from "../src/engine/catalogue.ts";
import type { Check, FindingDraft } from "../src/engine/types.ts";
import type { HostVersion } from "../src/facts/installation.ts";

/**
 * Defects that this OpenClaw version is known to have. The data are the catalogue's; a version that is not known has
 * none. Nothing here can be repaired, so most are `info`: a warning that never goes would make the exit code worthless.
 */
const check: Check = {
  id: "host-hazard",
  async run(facts) {
    const host = facts.host();
    if (host.version === null) return [];
    const hazards = await hazardsOf(host.version);
    return hazards.map((hazard) => hazardFinding(hazard, host));
  },
};

export default check;

function hazardFinding(hazard: Hazard, { version, source }: HostVersion): FindingDraft {
  const { id, hosts, fixedIn, severity, consequence, remedy, references } = hazard;
  const evidence: FindingDraft["evidence"][number][] = [
    { what: "OpenClaw version", value: version, source },
    { what: "versions with this defect", value: hosts, source: "catalogue" },
  ];
  if (references.length > 0) {
    const issues = references.map((number) => `#${number}`).join(", ");
    evidence.push({ what: "reported at openclaw/openclaw", value: issues, source: "catalogue" });
  }
  return {
    severity,
    message: `OpenClaw ${version} has a known defect: ${consequence}.`,
    target: id,
    identity: id,
    requirement: fixedIn === null ? "no release is known to be free of it" : `OpenClaw ${fixedIn} or newer`,
    fixHint: `${remedy} ${fixedIn === null ? "No release is known to be free of it." : `OpenClaw ${fixedIn} is free of it.`}`,
    // The config may have been written by another version than the one that runs.
    confidence: source === "last writer of the config" ? "likely" : "proven",
    evidence,
  };
}
