/** Answers of the root helper, written by it and read by the owner's daemon. */
import { parseCidr } from "../../base/ipv4.ts";
import { integerOf, recordOf, textOf } from "../../base/untrusted-json.ts";
import type { HelperAnswer, HelperErrorKind } from "./verbs.ts";

const kinds: readonly HelperErrorKind[] = ["refused", "failed", "clash"];

/** of a message, in UTF-16 units: so that an answer always fits into a frame */
export const maxMessage = 2000;

/** Null unless it is an answer of the agreed form. */
export function readAnswer(value: unknown): HelperAnswer | null {
  const found = recordOf(value);
  const id = integerOf(found?.["id"], 0, Number.MAX_SAFE_INTEGER);
  if (!found || id === null) return null;
  const result = recordOf(found["result"]);
  if (result) return { id, result };
  const error = recordOf(found["error"]);
  const kind = kinds.find((one) => one === error?.["kind"]);
  const message = textOf(error?.["message"], maxMessage);
  if (!kind || message === null) return null;
  const free = textOf(error?.["free"], 18);
  return { id, error: { kind, message, ...(free !== null && parseCidr(free) ? { free } : {}) } };
}
