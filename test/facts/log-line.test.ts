import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { lineTime, readLogLine } from "../../src/facts/log-line.ts";

const TIME = "2026-11-21T08:00:00.000+00:00";
const AT = Date.parse(TIME);

/** A line as the host writes it. */
const line = (message: string, subsystem = "diagnostic", more: object = {}) =>
  JSON.stringify({
    0: JSON.stringify({ subsystem }),
    1: message,
    _meta: { date: "2026-11-21T08:00:00.000Z", logLevelName: "WARN" },
    time: TIME,
    hostname: "host",
    message,
    ...more,
  });
const event = (message: string, subsystem?: string) => readLogLine(line(message, subsystem))?.event ?? null;
const recorded = (version: string) =>
  readFileSync(
    fileURLToPath(new URL(`../fixtures/gateway-log/openclaw-${version}.jsonl`, import.meta.url)),
    "utf8",
  ).split("\n");

describe("recorded lines", () => {
  test("of 2026.5.22: every one is understood", () => {
    const kinds = recorded("5.22").flatMap((text) => readLogLine(text)?.event.kind ?? []);
    expect(kinds).toHaveLength(35);
    expect(new Set(kinds)).toEqual(new Set(["startup", "liveness", "memory-pressure"]));
  });

  test("of 2026.9.6, with what was running", () => {
    expect(recorded("9.6").map((text) => readLogLine(text)?.event ?? null)).toEqual([
      { kind: "heartbeat-delayed", atMs: Date.parse("2026-11-21T08:21:14.902Z"), overdueMs: 126_206 },
      { kind: "heartbeat-delayed", atMs: Date.parse("2026-11-21T08:21:14.902Z"), overdueMs: 126_206 },
      {
        kind: "liveness",
        atMs: Date.parse("2026-11-21T08:30:40.100Z"),
        maxDelayMs: 1508.9,
        p99DelayMs: 1508.9,
        utilization: 0.997,
        active: 2,
        waiting: 0,
        queued: 0,
        work: ["processing/model_call"],
      },
      null,
    ]);
  });

  test("a line that is written twice has one key", () => {
    const [first, second] = recorded("9.6").map((text) => readLogLine(text)?.key);
    expect(first).toBe(second);
  });

  test("nothing of what they call their sessions and agents is kept", () => {
    const events = [...recorded("5.22"), ...recorded("9.6")].map((text) => readLogLine(text)?.event);
    expect(JSON.stringify(events)).not.toMatch(/agent|main|openai|post-attach|last=/);
  });
});

describe("other lines of the host", () => {
  test.each<[string, string, string, object]>([
    [
      "growing memory of 2026.9.6",
      "gateway/diagnostics/memory",
      "memory pressure: level=warning reason=rss_growth rss=1.2 GB heap=200 MB rssGrowth=600 MB rssBytes=1288490188 heapUsedBytes=2 externalBytes=3 arrayBuffersBytes=4 thresholdBytes=5 rssGrowthBytes=629145600 windowMs=600000 nextStep=run openclaw gateway status --deep",
      {
        kind: "memory-pressure",
        level: "warning",
        reason: "rss_growth",
        rssBytes: 1_288_490_188,
        growthBytes: 629_145_600,
        windowMs: 600_000,
      },
    ],
    [
      "a stuck session",
      "diagnostic",
      'stuck session: sessionId=abc sessionKey=agent:main:x state=processing age=185s queueDepth=2 reason=queued_work_without_active_run classification=stale_session_state lastAssistant="age=1s queueDepth=" recovery=checking',
      { kind: "stuck-session", state: "stuck", ageMs: 185_000 },
    ],
    [
      "a stalled session",
      "diagnostic",
      "stalled session: sessionId=abc sessionKey=k state=processing age=61s queueDepth=0 reason=active_work_without_progress classification=stalled_agent_run recovery=none",
      { kind: "stuck-session", state: "stalled", ageMs: 61_000 },
    ],
    [
      "a wait for a lane of its own",
      "diagnostic",
      "lane wait exceeded: lane=cron-nested waitedMs=2500 queueAhead=3 activeAhead=1 activeNow=1 queueBehind=4",
      { kind: "lane-wait", lane: "cron-nested", waitedMs: 2500, queued: 4 },
    ],
    [
      "a wait in a session's lane, without its name",
      "diagnostic",
      "lane wait exceeded: lane=session:agent:anna:my secret waitedMs=2500 queueAhead=0 activeAhead=1 activeNow=1 queueBehind=0",
      { kind: "lane-wait", lane: "session", waitedMs: 2500, queued: 0 },
    ],
    [
      "a wait in a lane nobody knows",
      "diagnostic",
      "lane wait exceeded: lane=anna waitedMs=2500 queueAhead=0 activeAhead=1 activeNow=1 queueBehind=0",
      { kind: "lane-wait", lane: "other", waitedMs: 2500, queued: 0 },
    ],
    ["its start", "gateway", "starting...", { kind: "startup", step: "starting", tookMs: null, maxDelayMs: null }],
    [
      "its open port",
      "gateway",
      "http server listening (7 plugins: browser, canvas; 5.9s)",
      { kind: "startup", step: "listening", tookMs: null, maxDelayMs: null },
    ],
    ["its readiness", "gateway", "gateway ready", { kind: "startup", step: "ready", tookMs: null, maxDelayMs: null }],
    [
      "the end of its start",
      "gateway",
      "provider auth state pre-warmed in 17416ms eventLoopMax=3886.0ms",
      { kind: "startup", step: "prewarmed", tookMs: 17_416, maxDelayMs: 3886 },
    ],
    [
      "figures it does not have",
      "diagnostic",
      "liveness warning: reasons=cpu interval=30s eventLoopDelayP99Ms=unknown eventLoopDelayMaxMs=unknown eventLoopUtilization=unknown cpuCoreRatio=1 active=0 waiting=1 queued=2 work=[waiting=agent:a:(tool_call)(waiting,q=1,age=3s)|b(idle/secret,q=1,age=3s)|c(processing/tool_call,q=1,age=3s last=x)|d(processing/tool_call,q=0,age=1s)]",
      {
        kind: "liveness",
        maxDelayMs: null,
        p99DelayMs: null,
        utilization: null,
        active: 0,
        waiting: 1,
        queued: 2,
        work: ["waiting", "processing/tool_call"],
      },
    ],
  ])("%s", (_name, subsystem, message, expected) => {
    expect(event(message, subsystem)).toEqual({ ...expected, atMs: AT });
  });

  test("neither work that takes long nor what became of a stuck one counts as stuck", () => {
    expect(event("long-running session: sessionId=a state=processing age=61s queueDepth=0")).toBeNull();
    expect(event("stuck session recovery: status=aborted action=abort sessionId=a age=61s queueDepth=0")).toBeNull();
  });
});

describe("who says it", () => {
  const stuck = "stuck session: sessionId=a sessionKey=k state=processing age=61s queueDepth=0";
  test("a line of another part of the gateway is not its diagnosis", () => {
    expect(event(stuck, "gateway/channels/telegram")).toBeNull();
    expect(event("gateway ready", "plugins")).toBeNull();
  });
  test("nor is a text in which such a line is quoted", () => {
    expect(event(`said: ${stuck}`)).toBeNull();
    expect(readLogLine(line("hello", "diagnostic", { text: stuck }))).toBeNull();
  });
  test("a line without a writer, or without `message`, is taken by its text", () => {
    expect(readLogLine(JSON.stringify({ 0: stuck, time: TIME }))?.event).toMatchObject({ ageMs: 61_000 });
    const old = { 0: '{"subsystem":"diagnostic"}', 1: stuck, _meta: { date: "2026-11-21T08:00:00.000Z" } };
    expect(readLogLine(JSON.stringify(old))?.event).toMatchObject({ atMs: AT, ageMs: 61_000 });
  });
  test("without a time it is none", () => {
    expect(readLogLine(JSON.stringify({ message: "gateway ready" }))).toBeNull();
    expect(readLogLine(line("gateway ready", "gateway", { time: "soon", _meta: { date: 5 } }))).toBeNull();
  });
});

describe("lineTime", () => {
  test("is the line's own, whatever it quotes", () => {
    expect(lineTime(line('{"time":"2020-01-01T00:00:00Z"}'))).toBe(AT);
    expect(lineTime(JSON.stringify({ 0: { time: "2020-01-01T00:00:00Z" }, time: TIME, message: "x" }))).toBe(AT);
    expect(lineTime('{"_meta":{"date":"2026-11-21T08:00:00.000Z"}}')).toBe(AT);
  });
  test("is unknown where there is none", () => {
    for (const text of ["", "garbage", '{"time":"', '{"time":"2026"}', '{"time":"2026-99-99T00:00:00Z"}'])
      expect(lineTime(text), text).toBeNull();
  });
});

describe("whatever a line is", () => {
  const texts = [
    "liveness warning: ",
    "stuck session: ",
    "lane wait exceeded: lane=",
    "memory pressure: level=warning reason=x ",
  ];
  property.prop([fc.string({ unit: "binary" }), fc.json()])("no text makes it throw", (text, json) => {
    for (const one of [text, json, `liveness ${text}`]) {
      lineTime(one);
      readLogLine(one);
    }
  });
  property.prop([
    fc.constantFrom(...texts),
    fc.string({ unit: "grapheme", minLength: 4 }),
    fc.constantFrom("diagnostic", "gateway/diagnostics/memory"),
  ])("an event holds figures and words of the host, never the text", (start, text, subsystem) => {
    const found = event(`${start}${text} work=[active=${text}(processing/model_call,q=0,age=1s)]`, subsystem);
    const words = JSON.stringify(found ?? {}).match(/[a-zA-Z_]\w*/g) ?? [];
    const known =
      /^(kind|atMs|liveness|maxDelayMs|p99DelayMs|utilization|active|waiting|queued|work|processing|model_call|null|stuck|session|state|ageMs|lane|wait|waitedMs|other|main|cron|level|warning|reason|rssBytes|growthBytes|windowMs|memory|pressure|x)$/;
    expect(words.filter((word) => !known.test(word))).toEqual([]);
  });
});
