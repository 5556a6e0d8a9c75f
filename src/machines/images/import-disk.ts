/** `image register` of a file system: a stranger's disk is read by a VM, and what is in it becomes an image of one layer. */
import { fail } from "../../base/errors/error.ts";
import { parseImageName } from "../../base/names.ts";
import { defaultKernel } from "../../kernels/names.ts";
import type { ImageRecord, KernelRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import { withReader } from "../guest/reader.ts";
import { findKernel } from "./artifacts.ts";
import type { Upload } from "./artifacts-port.ts";
import type { ImagesContext } from "./context.ts";
import { nameImage } from "./name-image.ts";
import { whileImporting } from "./unused.ts";

/** @throws KERNEL_NOT_FOUND before anything is read, IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_UNREADABLE, DISK_FULL */
export async function importDisk(
  ctx: ImagesContext,
  upload: Upload,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { name, source } = upload;
  parseImageName(name);
  const own = upload.kernel === undefined ? null : findKernel(ctx, upload.kernel);
  return whileImporting(ctx, async () => {
    const { kernel, initramfs } = await readerKernel(ctx, own);
    const path = await ctx.artifacts.receiveDisk(upload, emit, signal);
    try {
      emit({ kind: "progress", step: "read", text: "reading the disk in a VM" });
      // a copy of our own: the kernel may put its journal in order
      const plan = { name, kernel, initramfs, disk: { path, readOnly: false }, layers: [], next: repair };
      const made = await withReader(ctx, plan, signal, (read) => {
        const open = () => read({ path: "/data", whole: true });
        return ctx.artifacts.importTree({ name, source, open }, emit, signal);
      });
      const record = { ...made, kernel: own?.name ?? null };
      nameImage(ctx, record, emit);
      return record;
    } finally {
      await ctx.files.removeTree(path);
    }
  });
}

const repair = "repair a copy of it with `e2fsck -f`, and register that";

/** The default kernel, rather than one that was made for that image alone. */
async function readerKernel(
  ctx: ImagesContext,
  own: KernelRecord | null,
): Promise<{ kernel: KernelRecord; initramfs: string }> {
  const kernel = ctx.store.kernels.byName(parseImageName(defaultKernel)) ?? own;
  if (!kernel) throw fail("KERNEL_NOT_FOUND", { name: defaultKernel });
  const [initramfs] = await Promise.all([ctx.artifacts.initramfs(kernel), ctx.artifacts.checkKernel(kernel)]);
  return { kernel, initramfs };
}
