/** Which of an archive's images are meant, and what they are called here. */
import { fail } from "../../base/errors/error.ts";
import { type Digest, type ImageName, isDigest, isImageName } from "../../base/names.ts";

const maxShown = 20;

/** An image as its archive has it. */
export type Listed = {
  names: readonly string[];
  /** of its manifest and its config, where they are known: docker's image id is the config's */
  digests: readonly Digest[];
};

export type Wanted = {
  /** one of them: a name, a tag, a digest or the beginning of one; absent or null: all */
  image?: string | null;
  /** what the one image is to be called; null: as it calls itself */
  name: ImageName | null;
  /** for one without a name of its own; null: it keeps none */
  fallback: ImageName | null;
};

/** @throws IMAGE_CHOICE listing what there is */
export function chosen<T extends Listed>(images: readonly T[], { image = null, name }: Wanted): T[] {
  if (image === null) {
    if (name === null || images.length === 1) return [...images];
    throw choiceOf(images, images, `holds ${images.length} images`, name);
  }
  const found = meantBy(images, image);
  if (isOne(found)) return found.slice(0, 1);
  if (found.length === 0) throw choiceOf(images, images, `holds no image "${image}"`, name);
  throw choiceOf(images, found, `holds ${found.length} images that "${image}" may be`, name);
}

function choiceOf(all: readonly Listed[], found: readonly Listed[], problem: string, name: ImageName | null): Error {
  const images = found.slice(0, maxShown).map((one) => shownAs(all, one));
  return fail("IMAGE_CHOICE", { problem, images, ...(name === null ? {} : { name }) });
}

/** By name, or else by digest. */
function meantBy<T extends Listed>(images: readonly T[], wanted: string): T[] {
  const exact = images.filter((one) => one.names.some((own) => isMeant(own, wanted)));
  return exact.length > 0 ? exact : images.filter((one) => one.digests.some((own) => begins(own, wanted)));
}

function isOne(found: readonly Listed[]): boolean {
  return found.length > 0 && new Set(found.map(({ digests }) => digests[0])).size === 1;
}

/** @param count of all that come in together; of several each keeps its own names, or has none @throws IMAGE_UNNAMED */
export function namesFor({ names }: Listed, { name, fallback }: Wanted, count: number): ImageName[] {
  if (name !== null) return [name];
  const full = names.filter((own) => /[:/]/.test(own) && isImageName(own) && !isDigest(own)) as ImageName[];
  if (full.length > 0) return [...new Set(full)];
  if (count > 1) return [];
  if (fallback === null) throw fail("IMAGE_UNNAMED", { problem: "it does not say what its image is called" });
  const [tag] = names;
  const tagged = `${fallback}:${tag}`;
  // `latest` alone, as skopeo's `oci:DIR:latest` has it, is a tag and no name
  return [tag && tag !== "latest" && isImageName(tagged) ? (tagged as ImageName) : fallback];
}

function isMeant(own: string, wanted: string): boolean {
  return own === wanted || own === `${wanted}:latest` || own.slice(own.lastIndexOf(":") + 1) === wanted;
}

function begins(own: Digest, wanted: string): boolean {
  const digits = wanted.replace(/^sha256:/, "");
  return /^[0-9a-f]{6,64}$/.test(digits) && own.slice("sha256:".length).startsWith(digits);
}

/** What chooses it and no other: by a name of its own that can be typed as it is, or else by its digest. */
function shownAs(all: readonly Listed[], { names, digests }: Listed): string {
  const name = names.find((own) => (isImageName(own) || isTag(own)) && isOne(meantBy(all, own)));
  return name ?? digests[0]?.slice(0, "sha256:".length + 12) ?? "one without a name";
}

function isTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text);
}
