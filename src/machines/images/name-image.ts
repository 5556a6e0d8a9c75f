/** Giving an image its name. If another image had the name, a note says so: users may rely on it. */
import { fail } from "../../base/errors/error.ts";
import { type Digest, isDigest } from "../../base/names.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import type { ImagesContext } from "./context.ts";

export type Naming = {
  /** digests of the registry's or catalog's documents that led to it */
  sourceDigests?: readonly Digest[];
  /** the image that loses its last name stays, found by its digest, as with docker */
  keepsOld?: boolean;
};

/** @throws IMAGE_NAME_INVALID for a name that is the digest of another image */
export function nameImage(
  { store: { images, vms, transaction } }: Pick<ImagesContext, "store">,
  record: ImageRecord,
  emit: Emit,
  { sourceDigests = [], keepsOld = false }: Naming = {},
): void {
  const { name, digest } = record;
  if (isDigest(name) && name !== digest) throw fail("IMAGE_NAME_INVALID", { text: name });
  const old = images.byName(name);
  transaction(() => {
    images.put(record, sourceDigests);
    if (old && keepsOld && images.namesOf(old.digest).length === 0) images.keepUnnamed(old);
  });
  if (!old || old.digest === digest) return;
  const names = images.namesOf(old.digest);
  const isUsed = vms.namesUsingImage(old.digest).length > 0;
  emit({ kind: "note", level: "warn", text: `${name} was another image, ${old.digest}${fateOf(old, names, isUsed)}` });
}

function fateOf({ digest }: ImageRecord, names: readonly string[], isUsed: boolean): string {
  const others = names.filter((name) => name !== digest);
  if (others.length > 0) return `, which is still ${others.join(", ")}`;
  if (names.length > 0) return ", which is kept without a name; `banger image prune` removes it";
  return isUsed ? ", which stays as long as VMs use it" : ", which is removed";
}
