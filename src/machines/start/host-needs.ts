/** What a VM needs from its host, checked before an image is built or pulled for it: that takes minutes. */
import { type BangerError, fail, toBangerError } from "../../base/errors/error.ts";
import { formatSize } from "../../base/units.ts";
import type { Emit } from "../../model/event.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { ChosenVmm } from "../guest/choose-vmm.ts";
import { networkKind } from "../guest/network.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import type { StartContext } from "./context.ts";

const mib = 1024 * 1024;
/** A distribution's image with what it is made of; one that is built needs more, and says so itself. */
const imageBytes = 512 * mib;
const kernelBytes = 128 * mib;
/** A VM's disk and logs before its guest writes anything. */
const stateBytes = 32 * mib;
/** With less no guest boots, whatever its spec. */
const leastMemory = 128 * mib;

export type HostNeeds = {
  /** why its network is not available; null: it is, or the VM has none */
  network: BangerError | null;
  /** how disks are formatted */
  mkfs: string | null;
  /** in bytes */
  memory: { available: number; needed: number };
  /** in bytes, in the order in which they are used */
  space: { path: string; free: number; needed: number; during: string }[];
};

/** The first missing need, as the error with which the start would fail. Pure. */
export function firstMissing({ network, mkfs, memory, space }: HostNeeds): BangerError | null {
  if (mkfs === null)
    return fail("TOOL_MISSING", { tool: "mkfs.ext4", why: "to make data disks", install: "install e2fsprogs" });
  if (network) return network;
  // 0: the kernel does not report it
  if (memory.available > 0 && memory.available < memory.needed)
    return fail("MEMORY_LOW", { needed: formatSize(memory.needed), free: formatSize(memory.available) });
  const full = space.find(({ free, needed }) => free < needed);
  if (!full) return null;
  const { path, during, needed, free } = full;
  return fail("DISK_FULL", { path, during, needed: formatSize(needed), free: formatSize(free) });
}

/** What must be made before the VM. */
export type Missing = { image: boolean; kernel: boolean };

/** What a VM needs beside its VMM. @throws TOOL_MISSING, NETWORK_FAILED, MEMORY_LOW, DISK_FULL */
export async function requireHost(
  ctx: StartContext,
  spec: Pick<VmSpec, "memoryMib" | "network">,
  { probe }: Pick<ChosenVmm, "probe">,
  missing: Missing,
  emit: Emit,
): Promise<void> {
  const problem = firstMissing(await gather(ctx, spec, probe, missing));
  if (problem) throw problem;
  if (probe.kvmDenied)
    emit({
      kind: "note",
      level: "warn",
      text: `no KVM: ${probe.why}; VMs are emulated, which is several times slower. To have KVM, ${probe.fix ?? "run `banger doctor`"}`,
    });
}

async function gather(
  ctx: StartContext,
  spec: Parameters<typeof requireHost>[1],
  probe: UsableProbe,
  missing: Missing,
): Promise<HostNeeds> {
  const { vms, layers, kernels } = ctx.paths;
  const [network, host, ...space] = await Promise.all([
    networkKind(ctx, spec, probe).then(() => null, toBangerError),
    ctx.hostNeeds(),
    spaceOf(ctx, { path: vms, needed: stateBytes, during: "making the VM" }),
    ...(missing.image ? [spaceOf(ctx, { path: layers, needed: imageBytes, during: "making its image" })] : []),
    ...(missing.kernel ? [spaceOf(ctx, { path: kernels, needed: kernelBytes, during: "fetching its kernel" })] : []),
  ]);
  const needed = Math.min(spec.memoryMib * mib, leastMemory);
  return { network, mkfs: host.mkfs, memory: { available: host.availableMemory, needed }, space };
}

async function spaceOf(ctx: StartContext, wanted: Omit<HostNeeds["space"][number], "free">) {
  await ctx.files.ensureFolder(wanted.path);
  return { ...wanted, free: await ctx.files.freeBytes(wanted.path) };
}
