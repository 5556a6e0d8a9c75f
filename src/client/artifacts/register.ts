/** Registers an image: uploads a root file system as a tar stream or as a disk. */
import { isError } from "../../base/errors/error.ts";
import type { ImageName } from "../../base/names.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import type { TarSource } from "../dependencies.ts";
import { withArtifacts } from "./missing.ts";
import type { ArtifactNeeds } from "./obtain.ts";

/** A root file system. `isDisk`: an ext4 file system, not a tar stream; `isOnce`: it can't be opened again. */
export type RootfsSource = TarSource & { isDisk?: boolean; isOnce?: boolean };

export type Registration = {
  name: ImageName;
  /** the kernel for VMs of this image */
  kernel?: string | undefined;
  /** opens the root file system; called again when it has to be sent again */
  open(): Promise<RootfsSource>;
};

/**
 * A disk is read by a VM, which needs a kernel: a missing one is obtained, and the disk sent again. A tar stream is sent again if the
 * daemon has to read it twice, because a name occurs twice in it or leads through a link.
 * @throws errors of `open`, errors that the daemon reports, the signal's reason
 */
export async function registerImage(
  needs: ArtifactNeeds,
  { name, kernel, open }: Registration,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const query = kernel === undefined ? {} : { kernel };
  const { isDisk = false, isOnce = false, tar, source } = await open();
  const upload = (twice: boolean, content: AsyncIterable<Uint8Array>) =>
    needs.api.upload(
      "importImage",
      { name, source, query: twice ? { ...query, twice: "1" } : query, tar: content },
      emit,
      signal,
    );
  if (!isDisk) {
    return upload(isOnce, tar).catch(async (error: unknown) => {
      if (!isError(error, "IMAGE_READ_TWICE") || isOnce) throw error;
      return upload(true, (await open()).tar);
    });
  }
  return withArtifacts(needs, emit, signal, async () => {
    const disk = await open();
    return needs.api.upload("importDisk", { name, source, query, tar: disk.tar }, emit, signal);
  });
}
