import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Interrupted, type Interrupts, withInterrupts } from "../../src/cli/interrupts.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

/** A terminal of which the state is kept: what was written, whether it is raw, with which code the process ended. */
class FakeTerminal extends EventEmitter {
  written = "";
  left: number | null = null;
  env = {};
  stderr = {
    write: (text: string): void => {
      this.written += text;
    },
  };
  stdin = Object.assign(new EventEmitter(), {
    isTTY: true,
    isRaw: false,
    reading: false,
    setRawMode(raw: boolean) {
      this.isRaw = raw;
    },
    resume() {
      this.reading = true;
    },
    pause() {
      this.reading = false;
    },
  });

  exit(code: number): never {
    this.left = code;
    return undefined as never;
  }

  async run<T>(work: (interrupts: Interrupts) => Promise<T>): Promise<T> {
    return await withInterrupts(this as unknown as Terminal, 130, work);
  }
}

let terminal: FakeTerminal;
beforeEach(() => {
  terminal = new FakeTerminal();
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => {});

describe("work that may be left", () => {
  test("ends at once", async () => {
    const work = terminal.run(({ leave }) => leave(() => never));
    terminal.emit("SIGINT");
    await expect(work).rejects.toThrow(Interrupted);
    expect(terminal.listenerCount("SIGINT")).toBe(0);
  });

  test("gives what it made, or fails as it fails", async () => {
    expect(await terminal.run(({ leave }) => leave(async () => 7))).toBe(7);
    await expect(terminal.run(({ leave }) => leave(async () => await Promise.reject(new Error("no"))))).rejects.toThrow(
      "no",
    );
    expect(terminal.listenerCount("SIGINT")).toBe(0);
  });

  test("that heeds it goes on, and a second one leaves it", async () => {
    let heard = false;
    const work = terminal.run(({ heed, signal }) => {
      signal.addEventListener("abort", () => {
        heard = true;
      });
      return heed(() => never);
    });
    terminal.emit("SIGINT");
    expect(heard).toBe(true);
    terminal.emit("SIGINT");
    vi.advanceTimersByTime(1000);
    terminal.emit("SIGINT");
    await expect(work).rejects.toThrow(Interrupted);
  });

  test("that was interrupted is not begun", async () => {
    const begun = vi.fn(async () => {});
    const work = terminal.run(async ({ finish }) => {
      terminal.emit("SIGINT");
      await finish(begun, false);
    });
    await expect(work).rejects.toThrow(Interrupted);
    expect(begun).not.toHaveBeenCalled();
  });
});

describe("work that is brought to its end", () => {
  test("learns of the first Ctrl-C, and the second leaves at once", async () => {
    const end = Promise.withResolvers<string>();
    let heard = false;
    const work = terminal.run(({ finish, signal }) => {
      signal.addEventListener("abort", () => {
        heard = true;
      });
      return finish(() => end.promise, true);
    });
    expect(terminal.stdin).toMatchObject({ isRaw: true, reading: true });
    terminal.stdin.emit("data", Buffer.from("x"));
    expect(heard, "another key").toBe(false);
    terminal.stdin.emit("data", Buffer.from([3]));
    expect(heard).toBe(true);
    expect(terminal.written).toMatch(/brought to its end/);
    // A host's launcher sends on what the terminal has sent already.
    terminal.emit("SIGINT");
    expect(terminal.left).toBeNull();
    vi.advanceTimersByTime(1000);
    terminal.stdin.emit("data", Buffer.from([3]));
    expect(terminal.left).toBe(130);
    expect(terminal.written).toMatch(/is in the journal/);
    end.resolve("done");
    expect(await work).toBe("done");
    expect(terminal.stdin).toMatchObject({ isRaw: false, reading: false });
    expect(terminal.stdin.listenerCount("data")).toBe(0);
  });

  test("beside other readers of the keys it takes none of them", async () => {
    await terminal.run(({ finish }) =>
      finish(async () => {
        expect(terminal.stdin).toMatchObject({ isRaw: false, reading: false });
      }, false),
    );
  });

  test("that fails gives the terminal back too", async () => {
    const work = terminal.run(({ finish }) => finish(async () => await Promise.reject(new Error("no")), true));
    await expect(work).rejects.toThrow("no");
    expect(terminal.stdin.isRaw).toBe(false);
  });
});
