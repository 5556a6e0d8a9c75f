/** `vm save`: what a VM wrote becomes one more layer above its image's. */
import { type ImageName, parseImageName } from "../base/names.ts";
import type { ImageRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import { getTar } from "../wire/agent/get.ts";
import { prepareArtifacts } from "./artifacts.ts";
import type { Context } from "./context.ts";
import { withReader } from "./reader.ts";
import { whileImporting } from "./unused.ts";

/** The caller holds the VM's operation, and it is stopped. @throws IMAGE_NAME_INVALID, DISK_UNREADABLE, DISK_FULL */
export async function saveVm(
  ctx: Context,
  vm: VmRecord,
  text: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const name: ImageName = parseImageName(text);
  return whileImporting(ctx, async () => {
    const { image, kernel, initramfs } = await prepareArtifacts(ctx, vm.spec);
    emit({ kind: "progress", step: "save", text: `reading the disk of ${vm.name}` });
    // writable: the kernel first finishes what a VM that was cut off left in its journal
    const disk = { path: ctx.paths.vm(vm.id).disk, readOnly: false };
    const plan = { name: vm.name, kernel, initramfs, disk, layers: image.layers };
    const record = await withReader(ctx, plan, signal, (client) => {
      const get = (args: { path: string; merged?: string; whole?: boolean }) => getTar(client, args, signal);
      const saved = {
        name,
        source: `vm ${vm.name}`,
        base: image,
        changes: () => get({ path: "/data/upper", merged: "/merged" }),
        direct: () => get({ path: "/data/direct", whole: true }),
      };
      return ctx.artifacts.saveImage(saved, emit, signal);
    });
    ctx.store.images.put({ ...record, kernel: image.kernel });
    return { ...record, kernel: image.kernel };
  });
}
