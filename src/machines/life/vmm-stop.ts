/** VMs that were stopped by their VMM: their state shows the cause and the remedy, and an event is emitted. */
import { formatSize } from "../../base/units.ts";
import type { PauseCause, VmRecord } from "../../model/vm.ts";
import type { VmmStop } from "../../vmm/driver.ts";
import { logTail } from "../guest/console.ts";
import type { LiveVm } from "../guest/live.ts";
import { setState } from "../guest/state.ts";
import type { LifeContext } from "./context.ts";
import { roomToResume, watchRoom } from "./resume-after-disk-full.ts";

/** Called for such stops, also of an adopted VMM. Waits for operations under way. Resolves when the state is written. */
export async function handleVmmStop(ctx: LifeContext, live: LiveVm): Promise<void> {
  const work = ctx.operations.queue(live.id, "reconcile", () => noteStop(ctx, live));
  ctx.background(`noting that ${live.id} stopped`, work);
  await work;
}

async function noteStop(ctx: LifeContext, live: LiveVm): Promise<void> {
  if (ctx.store.vms.byId(live.id)?.state !== "running") return;
  const cause = await causeOf(ctx, live);
  // by now it may run again, have ended or be paused
  const vm = ctx.store.vms.byId(live.id);
  if (!cause || !live.vm.stopped() || ctx.live.get(live.id) !== live || vm?.state !== "running") return;
  ctx.log.warn("a VMM stopped its guest", { vm: vm.name, kind: cause.kind, reason: cause.reason, log: cause.log });
  setState(ctx, vm.id, "paused", cause.reason, { pausedBy: cause });
  if (cause.kind === "disk-full") watchRoom(ctx);
}

async function causeOf(ctx: LifeContext, live: LiveVm): Promise<PauseCause | null> {
  const stop = live.vm.stopped();
  const vm = ctx.store.vms.byId(live.id);
  if (!stop || !vm) return null;
  const at = ctx.clock.now();
  if (stop.kind === "disk-full") return { ...(await diskFull(ctx, stop.reason)), at };
  return { ...failureOf(vm, stop), log: await logTail(ctx, live.id), at };
}

/** @param said the host's error text */
export async function diskFull(ctx: LifeContext, said: string): Promise<Omit<PauseCause, "at">> {
  const { vms } = ctx.paths;
  const [mount, free] = await Promise.all([
    ctx.files.mountPoint(vms).catch(() => vms),
    ctx.files.freeBytes(vms).then(formatSize, () => "an unknown amount"),
  ]);
  return {
    kind: "disk-full",
    reason: `the host has no room for what the guest writes: ${said} on the file system at ${mount}, ${free} free`,
    next: `free some space there (\`banger image prune\`, \`banger vm delete NAME\`, other files): the VM resumes by itself when there are ${formatSize(roomToResume)}`,
    log: [],
  };
}

function failureOf({ name }: Pick<VmRecord, "name">, { kind, reason }: VmmStop): Omit<PauseCause, "at" | "log"> {
  if (kind === "file-limit") {
    const next = `the limit is that of the host's file system, or of the daemon (\`ulimit -f\`); \`banger vm resume ${name}\` tries the write again`;
    return {
      kind,
      reason: `a file of the VM's disk has reached the largest size that the host allows: ${reason}`,
      next,
    };
  }
  if (kind === "io-error") {
    const next = `look at the host's own log (dmesg); \`banger vm resume ${name}\` tries the write again`;
    return { kind, reason: `the host can't write what the guest writes: ${reason}`, next };
  }
  const next = `\`banger vm logs --vmm ${name}\` shows its log; power it off with \`banger vm kill ${name}\``;
  return { kind: "vmm-error", reason: `its VMM can't run it any further: ${reason}`, next };
}
