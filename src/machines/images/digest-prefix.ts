/** The beginnings of digests that users type: which texts they are, and which content one means. */
import type { Digest, ImageName } from "../../base/names.ts";

type Content = { name: ImageName; digest: Digest };

/** By name, by digest, and by what a digest begins with: `sha256:` and at least one digit. */
export type Findable<T extends Content> = {
  byName(name: ImageName): T | null;
  byDigest(digest: Digest): T | null;
  byPrefix(prefix: string): T[];
};

/** `sha256:` and some digits, which no name is. @throws what `ambiguous` makes */
export function byDigestPrefix<T extends Content>(
  text: string,
  from: Findable<T>,
  ambiguous: (names: ImageName[]) => Error,
): T | null | "no prefix" {
  return /^sha256:[0-9a-f]{4,63}$/.test(text) ? only(from.byPrefix(text), ambiguous) : "no prefix";
}

/** Digits alone, which may be a name too: to be asked after the names. @throws what `ambiguous` makes */
export function byBarePrefix<T extends Content>(
  text: string,
  from: Findable<T>,
  ambiguous: (names: ImageName[]) => Error,
): T | null {
  return /^[0-9a-f]{6,64}$/.test(text) ? only(from.byPrefix(`sha256:${text}`), ambiguous) : null;
}

function only<T extends Content>(found: readonly T[], ambiguous: (names: ImageName[]) => Error): T | null {
  const digests = new Set<Digest>(found.map(({ digest }) => digest));
  if (digests.size > 1) throw ambiguous(found.map(({ name }) => name));
  return found[0] ?? null;
}
