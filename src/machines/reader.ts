/**
 * A VM that reads a disk for the host and runs nothing of it: a file system that a stranger wrote is opened by a guest's
 * kernel, never by the host's. It has a folder among the VMs' and no row: a daemon that starts finds and ends it.
 */
import { orAborted, withTimeout } from "../base/async.ts";
import { fail } from "../base/errors/error.ts";
import type { KernelRecord, LayerRef } from "../model/artifact.ts";
import type { BlockDevice, RunningVm } from "../vmm/driver.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { Context } from "./context.ts";

export type ReaderPlan = {
  /** for messages */
  name: string;
  kernel: KernelRecord;
  initramfs: string;
  /** an ext4 file system */
  disk: Pick<BlockDevice, "path" | "readOnly">;
  /** of the image below the disk's VM, lowest first; with some, the VM's whole tree is at `/merged` */
  layers: readonly LayerRef[];
};

/** Hands the reader's agent to `use`; the disk is at `/data`. @throws VM_BOOT_FAILED, AGENT_UNREACHABLE, what `use` throws */
export async function withReader<T>(
  ctx: Context,
  plan: ReaderPlan,
  signal: AbortSignal,
  use: (client: AgentClient) => Promise<T>,
): Promise<T> {
  const id = ctx.randomId();
  const { directory, serialLog } = ctx.paths.vm(id);
  await ctx.files.ensureFolder(directory);
  let running: RunningVm | null = null;
  try {
    running = await ctx.driver.boot({ ...readerSpec(ctx, plan), id, directory }, signal);
    ctx.nobodys.add(running.record.process.pid);
    const client = await reach(ctx, plan, running, serialLog, signal);
    try {
      return await orAborted(use(client), signal);
    } finally {
      client.destroy();
    }
  } finally {
    await running?.kill();
    running?.release();
    if (running) ctx.nobodys.delete(running.record.process.pid);
    await ctx.files.removeTree(directory);
  }
}

function readerSpec(ctx: Context, { kernel, initramfs, disk, layers }: ReaderPlan) {
  return {
    vcpu: 1,
    memoryMib: 512,
    vmlinux: ctx.paths.kernel(kernel.digest).vmlinux,
    initramfs,
    kernelWords: ["banger.mode=reader", `banger.layers=${layers.length}`],
    blockDevices: [
      ...layers.map(({ digest }, at) => ({ serial: `layer${at}`, path: ctx.paths.layer(digest), readOnly: true })),
      { serial: "data", ...disk },
    ],
    net: null,
  };
}

/** @throws VM_BOOT_FAILED with what the console says, AGENT_UNREACHABLE */
async function reach(ctx: Context, plan: ReaderPlan, running: RunningVm, serialLog: string, signal: AbortSignal) {
  const { name } = plan;
  const ended = running.wait().then(async () => {
    const lines = (await ctx.files.tail(serialLog, 4096)).trim().split("\n");
    const said = lines.findLast((line) => line.includes("banger-agent: ")) ?? lines.at(-1) ?? "";
    const reason = said.replace(/^.*banger-agent: /, "").slice(0, 300);
    throw fail("DISK_UNREADABLE", { name, reason: reason || "the reading VM ended early" });
  });
  ended.catch(() => {});
  const connecting = (async () => {
    const { stream, resync } = await running.agent();
    return ctx.connectAgent(stream, { resync, timeoutMs: ctx.timings.agentMs, name });
  })();
  const late = () => fail("AGENT_UNREACHABLE", { name, reason: "the VM that should read its disk does not answer" });
  return orAborted(withTimeout(Promise.race([connecting, ended]), ctx.timings.agentMs, late), signal);
}
