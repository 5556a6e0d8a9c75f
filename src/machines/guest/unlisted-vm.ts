/**
 * An unlisted VM has no row: it makes a template, is kept warm, or reads a disk. It has a folder among the VMs', so a daemon that
 * starts finds what is left of it and ends it.
 */
import type { VmId } from "../../base/names.ts";
import { UndoStack } from "../../base/undo.ts";
import type { VmPaths } from "../../model/paths.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { RunningVm } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";
import { attempt, discard } from "./discard.ts";
import type { PreparedNetwork } from "./host.ts";
import { makeNetwork } from "./network.ts";
import { AgentSession } from "./session.ts";
import type { UsableProbe } from "./usable-vmm.ts";

export type UnlistedPlan = {
  /** in messages */
  name: string;
  spec: Pick<VmSpec, "network">;
  /** its VMM, as it was found when the job began */
  probe: UsableProbe;
  /** Makes the files of its folder; runs while its network is made. */
  makeFiles(files: VmPaths, id: VmId): Promise<void>;
  /** Boots or restores it. */
  launch(vm: { id: VmId; files: VmPaths; net: PreparedNetwork | null }): Promise<RunningVm>;
};

export type UnlistedVm = AsyncDisposable & {
  id: VmId;
  files: VmPaths;
  net: PreparedNetwork | null;
  running: RunningVm;
  session: AgentSession;
  /** Its processes belong to a VM with a row from now on. */
  handOver(): void;
  /** Ends its processes; its folder stays. Idempotent. @throws what ending its network throws */
  endProcesses(): Promise<void>;
  /** Ends it and removes its folder, which is what disposing of it does. Idempotent. @throws as `endProcesses` */
  end(): Promise<void>;
};

/** @throws what the plan's parts throw, NETWORK_FAILED; nothing is left then */
export async function startUnlisted(ctx: GuestContext, plan: UnlistedPlan): Promise<UnlistedVm> {
  const id = ctx.randomId();
  const files = ctx.paths.vm(id);
  const undo = new UndoStack();
  const endProcesses = () => undo[Symbol.asyncDispose]();
  const end = () =>
    endProcesses().finally(async () => {
      ctx.network.forget(id);
      await attempt(ctx, `cleaning ${files.directory}`, () => ctx.drivers.clean(files.directory));
      await discard(ctx, files.directory);
    });
  try {
    await ctx.files.ensureFolder(files.directory);
    const work = [prepareNetwork(ctx, plan, files, undo), plan.makeFiles(files, id)] as const;
    // wait for both, even if one fails: nothing may still be made while the other is undone
    await Promise.allSettled(work);
    const [net] = await Promise.all(work);
    const running = await plan.launch({ id, files, net });
    const session = new AgentSession(ctx, running, () => ctx.store.vms.byId(id)?.name ?? plan.name);
    listProcess(ctx, running.record.process.pid, undo, "its VMM", async () => {
      session.close();
      await running.kill();
      running.release();
    });
    const handOver = () => {
      ctx.unlisted.delete(running.record.process.pid);
      if (net?.process) ctx.unlisted.delete(net.process.pid);
    };
    return { id, files, net, running, session, handOver, endProcesses, end, [Symbol.asyncDispose]: end };
  } catch (error) {
    await ctx.unlessReleased();
    await end();
    throw error;
  }
}

async function prepareNetwork(
  ctx: GuestContext,
  { spec, probe }: UnlistedPlan,
  files: VmPaths,
  undo: UndoStack,
): Promise<PreparedNetwork | null> {
  const net = await makeNetwork(ctx, spec, probe, files);
  if (!net) return null;
  const { process } = net;
  const stop = () => ctx.network.stop(process, files);
  if (process) listProcess(ctx, process.pid, undo, "its network", stop);
  else undo.defer("its network", stop);
  return net;
}

/** Lists the process, so that none of its children may talk to the daemon, until it has ended. */
function listProcess(ctx: GuestContext, pid: number, undo: UndoStack, what: string, end: () => Promise<void>): void {
  ctx.unlisted.add(pid);
  undo.defer(what, async () => {
    await end();
    ctx.unlisted.delete(pid);
  });
}
