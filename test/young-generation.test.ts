import v8 from "node:v8";
import { afterEach, expect, test, vi } from "vitest";
import { inProcessOfOurOwn, keepSmallFor } from "../src/young-generation.ts";

afterEach(() => vi.restoreAllMocks());

test("memory is kept small for many objects, once, and never in a process of somebody else", () => {
  const set = vi.spyOn(v8, "setFlagsFromString").mockImplementation(() => {});
  keepSmallFor(1_000_000);
  expect(set).not.toHaveBeenCalled();
  inProcessOfOurOwn();
  keepSmallFor(100);
  expect(set).not.toHaveBeenCalled();
  keepSmallFor(15_000);
  keepSmallFor(1_000_000);
  expect(set).toHaveBeenCalledOnce();
});
