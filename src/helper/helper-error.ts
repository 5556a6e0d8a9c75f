/** Why the helper did not do what it was asked. */
import type { HelperErrorKind } from "../wire/helper/verbs.ts";

export class HelperError extends Error {
  override name = "HelperError";
  readonly kind: HelperErrorKind;
  /** with `clash`: a network that is free, as `172.17.0.1/24` */
  readonly free: string | null;

  constructor(kind: HelperErrorKind, message: string, free: string | null = null) {
    super(message);
    this.kind = kind;
    this.free = free;
  }
}
