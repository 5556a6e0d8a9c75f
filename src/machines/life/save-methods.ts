/** What can be done with saved VMs: pause, suspend, snapshots, forks, templates. */
import { fail, toBangerError } from "../../base/errors/error.ts";
import type { Emit } from "../../model/event.ts";
import type { SnapshotRecord, SnapshotView, TemplateRecord } from "../../model/save.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { Action } from "../guest/operations.ts";
import { findVm, freshVm, requireState } from "../guest/state.ts";
import { prepareArtifacts } from "../images/artifacts.ts";
import type { CreateRequest } from "../start/create.ts";
import { decideSpec } from "../start/create.ts";
import { whyNoTemplates } from "../templates/confinement.ts";
import { shortKey } from "../templates/key.ts";
import { allTemplates, findTemplate } from "../templates/records.ts";
import { dropPassing, ensureTemplate, keyOf, removeTemplate } from "../templates/templates.ts";
import type { LifeContext } from "./context.ts";
import { type ForkRequest, forkVm } from "./fork.ts";
import { pauseVm, resumeVm } from "./pause.ts";
import { restoreSnapshot } from "./restore-snapshot.ts";
import { deleteSnapshot, findSnapshot, takeSnapshot } from "./snapshots.ts";
import { suspendOnce } from "./suspend.ts";

export function saveMethods(ctx: LifeContext) {
  /** Runs `body` as an operation, with the VM's current record. */
  const operating = <T>(
    name: string,
    action: Action,
    signal: AbortSignal,
    work: (vm: VmRecord, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const vm = findVm(ctx, name);
    return ctx.operations.run(vm, action, (interrupted) =>
      work(freshVm(ctx, vm), AbortSignal.any([signal, interrupted])),
    );
  };
  const never = new AbortController().signal;
  const byId = (id: string): SnapshotView => {
    const found = ctx.store.snapshots.byId(id);
    if (!found) throw fail("SNAPSHOT_NOT_FOUND", { name: id.slice(0, 80) });
    return view(found);
  };
  const view = (record: SnapshotRecord): SnapshotView => ({
    ...record,
    vmName: ctx.store.vms.byId(record.vm)?.name ?? record.vm,
  });
  return {
    pause: (name: string) =>
      operating(name, "pause", never, (vm) => {
        requireState(vm, "pause", ["running"], "only a running VM can be paused");
        return pauseVm(ctx, vm);
      }),

    resume: (name: string) =>
      operating(name, "resume", never, (vm) => {
        const next =
          vm.state === "suspended" || vm.state === "stopped" ? `start it with \`banger vm start ${name}\`` : "";
        requireState(vm, "resume", ["paused"], next || "only a paused VM can be resumed");
        return resumeVm(ctx, vm);
      }),

    suspend: (name: string, emit: Emit, signal: AbortSignal) =>
      operating(name, "suspend", signal, (vm, either) => suspendOnce(ctx, vm, emit, either)),

    fork: (name: string, request: ForkRequest, emit: Emit, signal: AbortSignal) =>
      operating(name, "fork", signal, (vm, either) => {
        const next = `start it with \`banger vm start ${name}\``;
        requireState(vm, "fork", ["running", "paused", "suspended"], next);
        return forkVm(ctx, vm, request, emit, either);
      }),

    snapshot: (name: string, as: string | undefined, emit: Emit, signal: AbortSignal): Promise<SnapshotView> =>
      operating(name, "snapshot", signal, async (vm, either) => {
        const next =
          vm.state === "suspended" ? `wake it with \`banger vm start ${name}\`` : `see \`banger vm show ${name}\``;
        requireState(vm, "snapshot", ["running", "paused", "stopped"], next);
        return view(await takeSnapshot(ctx, vm, as, emit, either));
      }),

    restore: (name: string, from: string, options: { cold?: boolean }, emit: Emit, signal: AbortSignal) =>
      operating(name, "restore", signal, (vm, either) => {
        requireState(
          vm,
          "restore",
          ["running", "paused", "stopped", "suspended", "failed"],
          `see \`banger vm show ${name}\``,
        );
        const snapshot = findSnapshot(ctx, vm, from);
        return restoreSnapshot(ctx, vm, { snapshot, cold: options.cold ?? false, emit, signal: either });
      }),

    /** @param name of a VM; undefined: of all */
    snapshots: (name?: string): SnapshotView[] =>
      (name === undefined ? ctx.store.snapshots.all() : ctx.store.snapshots.of(findVm(ctx, name).id)).map(view),
    /** @param id of the snapshot */
    findSnapshot: (id: string): SnapshotView => byId(id),
    async deleteSnapshot(id: string): Promise<SnapshotView> {
      const found = byId(id);
      await operating(found.vmName, "snapshot", never, () => deleteSnapshot(ctx, found));
      return found;
    },

    templates: (): TemplateRecord[] => allTemplates(ctx),
    findTemplate: (text: string): TemplateRecord => findTemplate(ctx, text),
    async deleteTemplate(text: string): Promise<TemplateRecord> {
      const found = findTemplate(ctx, text);
      await removeTemplate(ctx, found.key, "as requested");
      return found;
    },
    /** The template that a VM of that kind would start from, made if there is none. @throws TEMPLATE_FAILED */
    async warmTemplate(request: CreateRequest, emit: Emit, signal: AbortSignal): Promise<TemplateRecord> {
      const { spec, probe } = await decideSpec(ctx, request, emit);
      const reason = await whyNoTemplates(ctx, probe);
      if (reason !== null) throw fail("TEMPLATE_FAILED", { image: spec.image.name, reason });
      const artifacts = await prepareArtifacts(ctx, spec);
      const wanted = { spec, artifacts, probe };
      const key = await keyOf(ctx, wanted);
      ctx.templates.broken.delete(key);
      try {
        const made = await ensureTemplate(ctx, key, wanted, emit, signal);
        if (!dropPassing(ctx, key)) return made;
        // the second one is kept, whatever its services do
        return await ensureTemplate(ctx, key, wanted, emit, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        ctx.log.warn("a template could not be made", { key: shortKey(key), error: toBangerError(error).message });
        throw fail("TEMPLATE_FAILED", { image: spec.image.name, reason: toBangerError(error).message }, error);
      }
    },
  };
}
