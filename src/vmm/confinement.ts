/** Whether a VMM may start on a host that can't confine it completely. */
import { fail } from "../base/errors/error.ts";
import { describeGaps, type Gap } from "../model/cage.ts";

export type Confinement = "auto" | "required";

/** @throws CONFINEMENT_INCOMPLETE with all missing layers, when `policy` is `required` */
export async function requireNoGaps(gaps: readonly Gap[], policy: () => Promise<Confinement>): Promise<void> {
  if (gaps.length === 0 || (await policy()) === "auto") return;
  throw fail("CONFINEMENT_INCOMPLETE", { program: "the VMM", missing: describeGaps(gaps) });
}
