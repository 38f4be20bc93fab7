import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findEntry, type Hazard, hazardsOf } from "../../src/engine/catalogue.ts";
import { satisfiesHost } from "../../src/engine/host-range.ts";
import { diagnose } from "../../src/index.ts";
import { packageFile } from "../../src/package.ts";
import { put, tempDir } from "../facts/sandbox.ts";

/** By version: the hazards on all platforms, and those on one only. */
type Expected = Record<string, Record<string, string[]>>;
const versions = JSON.parse(readFileSync(packageFile("test/fixtures/host-hazard/versions.json"), "utf8")) as Expected;
const hazards = (JSON.parse(readFileSync(packageFile("manifest.json"), "utf8")) as { hazards: Hazard[] }).hazards;
const page = readFileSync(packageFile("docs/checks/host-hazard.md"), "utf8");

async function look(hostVersion?: string, config = "{}") {
  const stateDir = tempDir();
  put(path.join(stateDir, "openclaw.json"), config);
  return await diagnose({ stateDir, hostVersion, env: {}, only: ["host-hazard"] });
}

describe.each(Object.entries(versions))("OpenClaw %s", (version, { all = [], ...some }) => {
  test.each(["linux", "darwin", "win32", "freebsd"])(
    "on %s has the hazards recorded for it, and no others",
    async (platform) => {
      const found = (await hazardsOf(version, platform)).map(({ id }) => id);
      expect(found.sort()).toEqual([...all, ...(some[platform] ?? [])].sort());
    },
  );
});

describe("a finding", () => {
  test("says version, harm, what to do, where it is gone and who reported it", async () => {
    const { findings } = await look("2026.5.22");
    expect(findings.find(({ target }) => target === "auth-prewarm-blocks-gateway")).toMatchObject({
      checkId: "vitals/host-hazard",
      severity: "info",
      confidence: "proven",
      requirement: "OpenClaw 2026.5.28 or newer",
      fixHint: expect.stringMatching(/pre-warmed.* OpenClaw 2026\.5\.28 is free of it\.$/),
      message: expect.stringMatching(/^OpenClaw 2026\.5\.22 has a known defect: after its start the gateway .*[^.]\.$/),
      evidence: [
        { what: "OpenClaw version", value: "2026.5.22", source: "--host-version" },
        { what: "versions with this defect", value: ">=2026.5.22 <2026.5.28", source: "catalogue" },
        { what: "reported at openclaw/openclaw", value: "#86044, #85999", source: "catalogue" },
      ],
      fix: null,
    });
  });

  test("without a release that is free of it says so", async () => {
    const { findings } = await look("2026.9.6");
    expect(findings.find(({ target }) => target === "reclaim-guard-locks-out")).toMatchObject({
      requirement: "no release is known to be free of it",
      fixHint: expect.stringMatching(/ No release is known to be free of it\.$/),
    });
  });

  test("has the same id at each look, and another than the next hazard", async () => {
    const ids = async () => (await look("2026.5.22")).findings.map(({ id }) => id);
    const first = await ids();
    expect(await ids()).toEqual(first);
    expect(new Set(first).size).toBe(first.length);
  });

  test("is only likely when the version is that of the config's last writer", async () => {
    const { findings } = await look(undefined, '{ "meta": { "lastTouchedVersion": "2026.5.22" } }');
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) expect(finding.confidence).toBe("likely");
  });
});

test("no version, no finding", async () => {
  expect(await look()).toMatchObject({ ok: true, host: { version: null }, findings: [] });
});

test("the exit code stays useful: on 2026.5.22 and 2026.9.6 nothing is above info", async () => {
  for (const version of ["2026.5.22", "2026.9.6"]) expect((await look(version)).ok, version).toBe(true);
});

test.runIf(process.platform === "linux")(
  "2026.7.1-2, a correction after 2026.7.1, is warned of its doctor",
  async () => {
    const { ok, findings } = await look("2026.7.1-2");
    expect(ok).toBe(false);
    expect(findings.filter(({ severity }) => severity === "warning")).toMatchObject([
      { target: "doctor-deletes-gateway-lock" },
    ]);
  },
);

describe("the catalogue", () => {
  test("names each hazard once, and every reference of theirs", () => {
    const ids = hazards.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    const references = new Set(hazards.flatMap((hazard) => hazard.references));
    expect([...findEntry("host-hazard").references].sort()).toEqual([...references].sort());
  });

  test.each(hazards)("$id: its cure is not affected, and the page says where its range comes from", async (hazard) => {
    if (hazard.fixedIn !== null) expect(await satisfiesHost(hazard.fixedIn, hazard.hosts)).toBe(false);
    expect(page).toContain(`\n### ${hazard.id}\n\n`);
    for (const number of hazard.references) expect(page).toContain(`#${number} `);
  });

  test("the page explains no hazard that is not there", () => {
    const explained = [...page.matchAll(/^### (.*)$/gm)].map(([, id]) => id);
    expect(explained).toEqual(hazards.map(({ id }) => id));
  });
});
