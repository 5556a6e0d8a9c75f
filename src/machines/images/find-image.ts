/** From what a user types to an image: a name, a digest or the beginning of one, a reference in any of its spellings. */
import { fail } from "../../base/errors/error.ts";
import { isDigest, isImageName, parseImageName } from "../../base/names.ts";
import { formatReference, referenceOf } from "../../base/reference.ts";
import { nearest } from "../../base/text.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { ImagesContext } from "./context.ts";
import { byBarePrefix, byDigestPrefix } from "./digest-prefix.ts";

type Deps = Pick<ImagesContext, "store" | "artifacts">;

/** @throws IMAGE_NOT_FOUND with what would get it, IMAGE_AMBIGUOUS, IMAGE_NAME_INVALID */
export function findImage(ctx: Deps, text: string): ImageRecord {
  const found = lookUp(ctx, text);
  if (found) return found;
  throw fail("IMAGE_NOT_FOUND", { name: text, ...waysTo(ctx, text) });
}

/** Null for one that is not here, for whatever reason. */
export function imageIfAny(ctx: Deps, text: string): ImageRecord | null {
  try {
    return lookUp(ctx, text);
  } catch {
    return null;
  }
}

/** How the CLI can get an image that is not here; empty if it can't. */
export function waysTo(ctx: Deps, text: string): { recipe?: string; pull?: string; nearest?: string } {
  const recipe = ctx.artifacts.imageRecipe(text);
  if (recipe !== undefined) return { recipe };
  const reference = referenceOf(text);
  if (reference) return { pull: formatReference(reference) };
  const offered = ctx.artifacts.catalogNames("image");
  if (offered.includes(text)) return { pull: text };
  const near = nearest(text, [...ctx.store.images.all().map((image) => image.name), ...offered]);
  return near ? { nearest: near } : {};
}

function lookUp({ store: { images } }: Deps, text: string): ImageRecord | null {
  if (isDigest(text)) return images.byDigest(text);
  const ambiguous = (names: string[]) => fail("IMAGE_AMBIGUOUS", { text, names });
  const meant = byDigestPrefix(text, images, ambiguous);
  if (meant !== "no prefix") return meant;
  if (isImageName(text)) {
    for (const spelling of spellings(text)) {
      const found = isImageName(spelling) ? images.byName(spelling) : null;
      if (found) return found;
    }
  }
  return byBarePrefix(text, images, ambiguous) ?? images.byName(parseImageName(text));
}

/** A name may leave `:latest` out, and Docker Hub's host. */
function* spellings(text: string): Generator<string, void, void> {
  yield text;
  if (!/[:@]/.test(text.slice(text.lastIndexOf("/") + 1))) yield `${text}:latest`;
  for (const full of [text, `docker.io/${text}`]) {
    const reference = referenceOf(full);
    if (reference) yield formatReference(reference);
  }
}
