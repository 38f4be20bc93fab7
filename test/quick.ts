/** Unit tests do not wait as long between two looks as a doctor does; `unhurried` is for those of the waiting itself. */
import { PAUSES, pauses } from "../src/facts/pauses.ts";

const quick = { secondLook: 5, release: 5 };

Object.assign(pauses, quick);

/** Does this with the pauses of the product. */
export async function unhurried<T>(work: () => Promise<T>): Promise<T> {
  Object.assign(pauses, PAUSES);
  try {
    return await work();
  } finally {
    Object.assign(pauses, quick);
  }
}
