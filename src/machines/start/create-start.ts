/** Making a VM that is started as soon as it is made: the hot path of `vm run`. */
import { parseVmName } from "../../base/names.ts";
import type { VmRecord } from "../../model/vm.ts";
import { withDiskFullError } from "../guest/disk-full-error.ts";
import type { LiveVm } from "../guest/live.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import { prepareArtifacts, type ReadyArtifacts } from "../images/artifacts.ts";
import { coldBoot, type SavedSource, type StartSource } from "../templates/start-source.ts";
import { keyOf, templateSource } from "../templates/templates.ts";
import { postponeWarm, takeWarm, type WarmVm } from "../templates/warm.ts";
import type { StartContext } from "./context.ts";
import {
  type CreateRequest,
  type Decided,
  decideSpec,
  orRemove,
  type Reserved,
  requireFreeName,
  reserveVm,
} from "./create.ts";
import { deleteVm } from "./delete.ts";
import { Phases } from "./phases.ts";
import { type Caller, startOfNew } from "./start.ts";
import { startVm } from "./start-vm.ts";

/**
 * A VM that fails before its guest ran leaves nothing behind.
 * @param isCold it boots, even if there is a template
 * @throws what deciding, making and starting throw
 */
export async function createAndStart(
  ctx: StartContext,
  request: CreateRequest,
  isCold: boolean,
  { emit, signal }: Pick<Caller, "emit" | "signal">,
): Promise<{ vm: VmRecord; live: LiveVm }> {
  const phases = new Phases(ctx.clock);
  postponeWarm(ctx);
  if (request.name !== undefined) requireFreeName(ctx, parseVmName(request.name));
  const decided = await decideSpec(ctx, request, emit);
  phases.mark("decide");
  const { spec, probe } = decided;
  const artifacts = await prepareArtifacts(ctx, spec);
  phases.mark("image");
  const warm = isCold ? null : await warmFor(ctx, request, decided, artifacts);
  phases.mark("warm");
  const reserved = await reserve(ctx, request, decided, warm);
  phases.mark("record");
  const live = await ctx.operations.run(reserved.vm, "create", (interrupted) => {
    const caller = { emit, signal: AbortSignal.any([signal, interrupted]), interrupted };
    return startReserved(ctx, { ...reserved, probe, warm, artifacts, phases }, isCold, caller);
  });
  return { vm: reserved.vm, live };
}

async function warmFor(
  ctx: StartContext,
  { ephemeral }: CreateRequest,
  { spec, probe }: Decided,
  artifacts: ReadyArtifacts,
): Promise<WarmVm | null> {
  if (!ctx.warm.current) return null;
  return takeWarm(ctx, { key: await keyOf(ctx, { spec, artifacts, probe }), spec, ephemeral });
}

async function reserve(
  ctx: StartContext,
  request: CreateRequest,
  decided: Decided,
  warm: WarmVm | null,
): Promise<Reserved> {
  try {
    return await reserveVm(ctx, request, decided, warm?.vm.id ?? ctx.randomId());
  } catch (error) {
    await warm?.vm.end();
    throw error;
  }
}

type Parts = Reserved & { probe: UsableProbe; warm: WarmVm | null; artifacts: ReadyArtifacts; phases: Phases };

async function startReserved(ctx: StartContext, parts: Parts, isCold: boolean, caller: Caller): Promise<LiveVm> {
  const { vm, phases } = parts;
  using templateFiles = new DisposableStack();
  const found = await orRemove(ctx, vm, caller.signal, () =>
    findParts(ctx, parts, isCold, { ...caller, templateFiles }),
  );
  phases.mark("template");
  try {
    return await startVm(ctx, startOfNew({ ...parts, ...found, templateFiles }, caller));
  } catch (error) {
    const left = ctx.store.vms.byId(vm.id);
    if (left?.state === "stopped") await deleteVm(ctx, left);
    throw error;
  }
}

/** What the VM starts from, and its folder; a warm VM that is of no use for it is ended. */
async function findParts(
  ctx: StartContext,
  { vm, probe, warm, artifacts }: Parts,
  isCold: boolean,
  use: Caller & { templateFiles: DisposableStack },
): Promise<{ source: StartSource; warm: WarmVm | null }> {
  let isTaken = false;
  try {
    // before a template is made for it
    await ctx.openPorts(vm);
    const source = isCold
      ? coldBoot("as requested")
      : await templateSource(ctx, { spec: vm.spec, artifacts, probe }, use);
    if (use.signal.aborted) throw use.signal.reason;
    isTaken = warm !== null && source.kind === "save" && isOf(warm, source);
    return { source, warm: isTaken ? warm : null };
  } finally {
    if (!isTaken) {
      await ctx.unlessReleased();
      await warm?.vm.end();
      const { directory } = ctx.paths.vm(vm.id);
      await withDiskFullError(ctx, directory, "making the VM's folder", () => ctx.files.ensureFolder(directory));
    }
  }
}

/** A template that was made anew has the same key. */
function isOf({ key, save }: WarmVm, source: SavedSource): boolean {
  return source.template === key && source.save.record.memoryStamp === save["memoryStamp"];
}
