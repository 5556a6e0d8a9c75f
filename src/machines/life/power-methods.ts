/** Starting and ending a VM that exists. A request for the present state is not an error: it does nothing but emit a note. */
import type { Emit } from "../../model/event.ts";
import type { VmRecord, WaitKind } from "../../model/vm.ts";
import { preemptVm } from "../guest/end-vmm.ts";
import { type LiveVm, requireLive } from "../guest/live.ts";
import type { Action } from "../guest/operations.ts";
import { waitReady } from "../guest/ready.ts";
import { findVm, freshVm, reportAlready, requireState } from "../guest/state.ts";
import { usableVmm } from "../guest/usable-vmm.ts";
import { findSource } from "../start/find-source.ts";
import { type Caller, startOfExisting } from "../start/start.ts";
import { startVm } from "../start/start-vm.ts";
import type { LifeContext } from "./context.ts";
import { restartVm } from "./restart.ts";
import { killVm, stopVm } from "./stop.ts";
import { forgetSuspended, wakeVm } from "./wake.ts";

export type StartOptions = { wait: WaitKind /** from its disk, whatever saves there are */; cold?: boolean };
export type StopOptions = { /** what the guest has to power itself off, in `ms` */ graceMs?: number };

export function powerMethods(ctx: LifeContext) {
  return {
    async start(name: string, options: StartOptions, emit: Emit, signal: AbortSignal): Promise<VmRecord> {
      const vm = findVm(ctx, name);
      const live = await joining(ctx, vm, "start", (interrupted) => {
        const now = freshVm(ctx, vm);
        if (now.state !== "running") return start(ctx, now, options, { emit, signal, interrupted });
        reportAlready(emit, now, "running");
        return Promise.resolve(requireLive(ctx, now));
      });
      await waitReady(ctx, live, vm, options.wait, emit, signal);
      return freshVm(ctx, vm);
    },

    /** Continues after its caller is gone, as a guest that was asked to power off will do so. A suspended VM is woken first. */
    async stop(name: string, options: StopOptions, emit: Emit): Promise<{ vm: VmRecord; cut: boolean }> {
      const vm = findVm(ctx, name);
      const cut = await joining(ctx, vm, "stop", async (interrupted) => {
        const now = freshVm(ctx, vm);
        if (now.state === "stopped" || now.state === "failed") {
          reportAlready(emit, now, "stopped");
          return false;
        }
        requireState(now, "stop", ["running", "paused", "suspended"], `see \`banger vm show ${name}\``);
        if (now.suspended) await wakeVm(ctx, now, emit, interrupted);
        return stopVm(ctx, freshVm(ctx, vm), options.graceMs ?? ctx.timings.graceMs, emit);
      });
      return { vm: freshVm(ctx, vm), cut };
    },

    /** Starts one that does not run. */
    async restart(
      name: string,
      options: StartOptions & StopOptions,
      emit: Emit,
      signal: AbortSignal,
    ): Promise<VmRecord> {
      const vm = findVm(ctx, name);
      const live = await ctx.operations.run(vm, "restart", async (interrupted) => {
        const now = freshVm(ctx, vm);
        const caller = { emit, signal, interrupted };
        if (now.state === "stopped" || now.state === "failed") return start(ctx, now, options, caller);
        requireState(now, "restart", ["running", "paused", "suspended"], `see \`banger vm show ${name}\``);
        if (now.suspended) await wakeVm(ctx, now, emit, interrupted);
        const grace = options.graceMs ?? ctx.timings.graceMs;
        const restarting = { ...caller, signal: AbortSignal.any([signal, interrupted]) };
        return restartVm(ctx, freshVm(ctx, vm), grace, restarting);
      });
      await waitReady(ctx, live, vm, options.wait, emit, signal);
      return freshVm(ctx, vm);
    },

    async kill(name: string): Promise<VmRecord> {
      const vm = findVm(ctx, name);
      await preemptVm(ctx, vm.id, "kill", async () => {
        const now = freshVm(ctx, vm);
        // a start that was interrupted has ended the VM already
        if (now.state === "stopped" && vm.state !== "stopped") return;
        if (now.state === "suspended") return forgetSuspended(ctx, now, "power was cut while it was suspended");
        requireState(
          now,
          "kill",
          ["running", "paused", "stopping"],
          "only a VM that runs or is suspended can be killed",
        );
        await killVm(ctx, now);
      });
      return freshVm(ctx, vm);
    },
  };
}

/** The caller holds the VM's operation. */
async function start(ctx: LifeContext, vm: VmRecord, { cold }: StartOptions, caller: Caller): Promise<LiveVm> {
  const next =
    vm.state === "paused" ? `resume it with \`banger vm resume ${vm.name}\`` : `see \`banger vm show ${vm.name}\``;
  requireState(vm, "start", ["stopped", "failed", "suspended"], next);
  const { emit, interrupted } = caller;
  const signal = AbortSignal.any([caller.signal, interrupted]);
  using templateFiles = new DisposableStack();
  const probe = await usableVmm(ctx, vm.spec);
  const source = await findSource(ctx, vm, cold ?? false, { probe, templateFiles, emit, signal });
  return await startVm(ctx, startOfExisting(ctx, { vm, probe, source, templateFiles }, { emit, signal, interrupted }));
}

/** Waits for an operation of the same kind; any other one under way is an error. */
function joining<T>(
  ctx: LifeContext,
  vm: VmRecord,
  action: Action,
  body: (interrupted: AbortSignal) => Promise<T>,
): Promise<T> {
  const isUnderWay = ctx.operations.busyWith(vm.id) === action;
  return isUnderWay ? ctx.operations.queue(vm.id, action, body) : ctx.operations.run(vm, action, body);
}
