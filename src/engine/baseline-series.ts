import { MEASURES, type Measure, type MeasureId, type NotMeasured } from "./baseline.ts";
import { interquartileRange, median } from "./baseline-statistics.ts";

/** A measure while it is taken. */
export class Series {
  readonly id: MeasureId;
  readonly #source: string;
  readonly #samples: number[] = [];
  readonly #machine: number[] = [];
  #why: string | null = null;

  constructor(id: MeasureId, source: string) {
    this.id = id;
    this.#source = source;
  }

  /** False once it could not be measured: there is no use in going on. */
  get going(): boolean {
    return this.#why === null;
  }

  add(sample: number): void {
    this.#samples.push(sample);
  }

  addMachine(sample: number | null): void {
    if (sample !== null) this.#machine.push(sample);
  }

  /** @param why it could not be measured: a clause. The first reason counts. */
  fail(why: string): void {
    this.#why ??= why;
  }

  result(atRest = true): Measure | NotMeasured {
    const { id } = this;
    const unit = MEASURES.find((kind) => kind.id === id)?.unit ?? "ms";
    if (this.#why !== null || this.#samples.length === 0) return { id, why: this.#why ?? "nothing was sampled" };
    const [samples, machine] = [this.#samples, this.#machine].map((values) => values.map(rounded)) as [
      number[],
      number[],
    ];
    return {
      id,
      unit,
      source: this.#source,
      n: samples.length,
      median: rounded(median(samples)),
      spread: rounded(interquartileRange(samples)),
      max: Math.max(...samples),
      samples,
      machine,
      atRest,
    };
  }
}

/** Microseconds are more than anybody needs. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
