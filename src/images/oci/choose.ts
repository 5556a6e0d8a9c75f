/** Selects which of an archive's images to import, and under which names. */
import { fail } from "../../base/errors/error.ts";
import { type Digest, type ImageName, isDigest, isImageName } from "../../base/names.ts";

const maxShown = 20;

/** An image as listed in its archive. */
export type Listed = {
  names: readonly string[];
  /** of its manifest and its config, if known: docker's image id is the config's */
  digests: readonly Digest[];
};

export type Wanted = {
  /** selects images: a name, a tag, a digest or the beginning of one; absent or null for all */
  image?: string | null;
  /** the name for the one image; null to keep its own */
  name: ImageName | null;
  /** name for an image without one of its own; null leaves it unnamed */
  fallback: ImageName | null;
};

/** @throws IMAGE_CHOICE listing the images of the archive */
export function selectImages<T extends Listed>(images: readonly T[], { image = null, name }: Wanted): T[] {
  if (image === null) {
    if (name === null || images.length === 1) return [...images];
    throw choiceOf(images, images, `contains ${images.length} images`, name);
  }
  const found = matching(images, image);
  if (isOne(found)) return found.slice(0, 1);
  if (found.length === 0) throw choiceOf(images, images, `contains no image "${image}"`, name);
  throw choiceOf(images, found, `contains ${found.length} images that match "${image}"`, name);
}

function choiceOf(all: readonly Listed[], found: readonly Listed[], problem: string, name: ImageName | null): Error {
  const images = found.slice(0, maxShown).map((one) => shownAs(all, one));
  return fail("IMAGE_CHOICE", { problem, images, ...(name === null ? {} : { name }) });
}

/** Matches by name, or else by digest. */
function matching<T extends Listed>(images: readonly T[], wanted: string): T[] {
  const exact = images.filter((one) => one.names.some((own) => matchesName(own, wanted)));
  return exact.length > 0 ? exact : images.filter((one) => one.digests.some((own) => hasPrefix(own, wanted)));
}

function isOne(found: readonly Listed[]): boolean {
  return found.length > 0 && new Set(found.map(({ digests }) => digests[0])).size === 1;
}

/**
 * @param count of images imported together; if there are several, each keeps its own names, or has none @throws
 * IMAGE_UNNAMED
 */
export function namesFor({ names }: Listed, { name, fallback }: Wanted, count: number): ImageName[] {
  if (name !== null) return [name];
  const full = names.filter((own) => /[:/]/.test(own) && isImageName(own) && !isDigest(own)) as ImageName[];
  if (full.length > 0) return [...new Set(full)];
  if (count > 1) return [];
  if (fallback === null) throw fail("IMAGE_UNNAMED", { problem: "its image has no name" });
  const [tag] = names;
  const tagged = `${fallback}:${tag}`;
  // a bare `latest`, as skopeo's `oci:DIR:latest` writes it, is a tag, not a name
  return [tag && tag !== "latest" && isImageName(tagged) ? (tagged as ImageName) : fallback];
}

function matchesName(own: string, wanted: string): boolean {
  return own === wanted || own === `${wanted}:latest` || own.slice(own.lastIndexOf(":") + 1) === wanted;
}

function hasPrefix(own: Digest, wanted: string): boolean {
  const digits = wanted.replace(/^sha256:/, "");
  return /^[0-9a-f]{6,64}$/.test(digits) && own.slice("sha256:".length).startsWith(digits);
}

/** A reference that selects only this image: a name that can be typed, or else its digest. */
function shownAs(all: readonly Listed[], { names, digests }: Listed): string {
  const name = names.find((own) => (isImageName(own) || isTag(own)) && isOne(matching(all, own)));
  return name ?? digests[0]?.slice(0, "sha256:".length + 12) ?? "an unnamed image";
}

function isTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text);
}
