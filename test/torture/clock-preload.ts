/**
 * `--import`ed into our command: its wall clock is off by VITALS_CLOCK, milliseconds, and after so many readings by the
 * next of them: `86400000,-3600000@40`. The clock that only runs forwards (`performance.now`) is left alone, as it is
 * when an administrator sets the other.
 */
const [list = "0", calls = "1"] = (process.env["VITALS_CLOCK"] ?? "0").split("@");
const offsets = list.split(",").map(Number);
const RealDate = Date;
let readings = 0;

function now(): number {
  const at = Math.min(offsets.length - 1, Math.floor(readings / Number(calls)));
  readings += 1;
  return RealDate.now() + (offsets[at] ?? 0);
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});
