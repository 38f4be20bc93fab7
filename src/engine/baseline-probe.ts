import { getJson, type LoopbackAnswer } from "../facts/loopback.ts";

/** A request and how long its answer took, or was waited for. Milliseconds. */
export async function timedGet(
  port: number,
  path: string,
  deadlineMs: number,
): Promise<LoopbackAnswer & { readonly ms: number }> {
  const began = performance.now();
  const answer = await getJson(port, path, deadlineMs);
  return { ...answer, ms: performance.now() - began };
}

/** The longest event-loop delay in an answer of `/readyz`, in milliseconds; null when it does not say. */
export function delayOf(answer: LoopbackAnswer): number | null {
  const { eventLoop } = fields(answer);
  return number(typeof eventLoop === "object" && eventLoop !== null ? Object(eventLoop).delayMaxMs : undefined);
}

/** How long a gateway says it has been up, in milliseconds; null when it does not say. */
export function uptimeIn(answer: LoopbackAnswer): number | null {
  return number(fields(answer)["uptimeMs"]);
}

function fields(answer: LoopbackAnswer): Record<string, unknown> {
  return answer.kind === "answered" ? Object(answer.json) : {};
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}
