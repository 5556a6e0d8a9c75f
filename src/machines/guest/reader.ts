/**
 * A VM that reads a disk for the host and runs nothing from it: an untrusted file system is opened by a guest's kernel, never
 * by the host's.
 */
import { orAborted } from "../../base/async.ts";
import { fail, isError } from "../../base/errors/error.ts";
import { lastLines } from "../../base/last-lines.ts";
import type { KernelRecord, LayerRef } from "../../model/artifact.ts";
import type { BlockDevice } from "../../vmm/driver.ts";
import { getTar } from "../../wire/agent/get.ts";
import type { Json } from "../../wire/agent/types.ts";
import { chooseVmm } from "./choose-vmm.ts";
import { agentComplaint } from "./console.ts";
import type { GuestContext } from "./context.ts";
import { abortedByStop } from "./disk-full-error.ts";
import { startUnlisted, type UnlistedVm } from "./unlisted-vm.ts";
import { isOverWithin, withLimit } from "./within.ts";

export type ReaderPlan = {
  /** for messages */
  name: string;
  kernel: KernelRecord;
  initramfs: string;
  /** a hint for a disk that can't be read, if it isn't a VM's */
  next?: string;
  /** an ext4 file system */
  disk: Pick<BlockDevice, "path" | "readOnly">;
  /** of the image below the disk's VM, lowest first; with some, the VM's whole tree is at `/merged` */
  layers: readonly LayerRef[];
};

/** A folder of the reader as a tar stream. @throws DISK_UNREADABLE when the reader stops sending */
export type ReadFolder = (args: Json & { path: string }) => AsyncIterable<Uint8Array>;

/** Hands the reader's folders to `use`; the disk is at `/data`. @throws DISK_UNREADABLE, AGENT_UNREACHABLE, what `use` throws */
export async function withReader<T>(
  ctx: GuestContext,
  plan: ReaderPlan,
  signal: AbortSignal,
  use: (read: ReadFolder) => Promise<T>,
): Promise<T> {
  const network = { kind: "none", deny: [] } as const;
  const devices = readerSpec(ctx, plan);
  // any VMM can read any disk
  const { vmm, probe } = await chooseVmm(ctx, undefined, {
    vcpu: devices.vcpu,
    disks: devices.blockDevices.length,
    network,
    nested: false,
    kernel: plan.kernel,
  });
  await using vm = await startUnlisted(ctx, {
    name: plan.name,
    spec: { network },
    probe,
    makeFiles: async () => {},
    launch: ({ id, files: { directory } }) => ctx.drivers.named(vmm.driver).boot({ ...devices, id, directory }, signal),
  });
  const { running, files } = vm;
  const over = new AbortController();
  const ended = running.wait().then(async () => over.abort(unreadable(plan, await lastWords(ctx, files.serialLog))));
  const stopped = abortedByStop(ctx, running, plan.name, `reading the disk of "${plan.name}"`);
  try {
    return await reading(ctx, plan, vm, AbortSignal.any([signal, over.signal, stopped]), use);
  } catch (error) {
    if (signal.aborted) throw error;
    throw await explained(ctx, plan, error, { ended, over: over.signal });
  }
}

function readerSpec(ctx: GuestContext, { kernel, initramfs, disk, layers }: ReaderPlan) {
  return {
    vcpu: 1,
    memoryMib: 512,
    vmlinux: ctx.paths.kernel(kernel.digest).vmlinux,
    initramfs,
    kernelArgs: ["banger.mode=reader", `banger.layers=${layers.length}`],
    blockDevices: [
      ...layers.map(({ digest }, at) => ({ name: `layer${at}`, path: ctx.paths.layer(digest), readOnly: true })),
      { name: "data", ...disk },
    ],
    net: null,
  };
}

/** When it returns, `use` has ended too. */
async function reading<T>(
  ctx: GuestContext,
  plan: ReaderPlan,
  { session }: UnlistedVm,
  signal: AbortSignal,
  use: (read: ReadFolder) => Promise<T>,
): Promise<T> {
  const { name } = plan;
  const limit = ctx.timings.agentMs;
  const late = () => fail("AGENT_UNREACHABLE", { name, reason: "the VM that should read its disk does not answer" });
  const client = await orAborted(withLimit(ctx, session.client(limit), limit, late), signal);
  const silent = () => unreadable(plan, "the VM that reads it has stopped sending");
  const using = use((args) => whileItComes(ctx, getTar(client, args, signal), silent));
  try {
    return await orAborted(using, signal);
  } finally {
    client.destroy();
    await using.catch(() => {});
  }
}

/** A file system may hang the kernel that reads it. The limit counts while the next chunk is awaited, not while one is used. */
async function* whileItComes<T>(
  ctx: GuestContext,
  from: AsyncGenerator<T, void, void>,
  silent: () => Error,
): AsyncGenerator<T, void, void> {
  try {
    for (;;) {
      const next = await withLimit(ctx, from.next(), ctx.timings.readerMs, silent);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // not awaited: it may never resolve
    void from.return().catch(() => {});
  }
}

/** If the reader ended, or its agent stopped reading, the disk can't be read. */
async function explained(
  ctx: GuestContext,
  plan: ReaderPlan,
  error: unknown,
  { ended, over }: { ended: Promise<void>; over: AbortSignal },
): Promise<unknown> {
  if (isError(error, "AGENT_REFUSED")) return unreadable(plan, String(error.details["reason"]));
  if (!isError(error, "SESSION_LOST") && !isError(error, "AGENT_UNREACHABLE")) return error;
  // its connection breaks a moment before its VMM has ended
  await isOverWithin(ctx, ended, ctx.timings.endingMs);
  return over.aborted ? over.reason : error;
}

/** The agent's own line on the console, else the last one; and the kernel's last message about the file system. */
async function lastWords(ctx: GuestContext, serialLog: string): Promise<string> {
  const lines = lastLines(await ctx.files.tail(serialLog, 4096));
  const kernel = lines.findLast((line) => line.includes("EXT4-fs"))?.replace(/^\[[^\]]*\] */, "");
  const said = agentComplaint(lines) ?? lines.at(-1) ?? "the reading VM ended early";
  const own = said.replace(/ \(os error \d+\)$/, "");
  return kernel === undefined || kernel === own ? own : `${own} (${kernel})`;
}

function unreadable({ name, next }: ReaderPlan, reason: string): Error {
  return fail("DISK_UNREADABLE", { name, reason, ...(next === undefined ? {} : { next }) });
}
