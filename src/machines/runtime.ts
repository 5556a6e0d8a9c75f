/** Composes the contexts of all layers, and the calls between them. */
import { toBangerError } from "../base/errors/error.ts";
import type { VmId } from "../base/names.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SharedWork } from "../base/shared-work.ts";
import type { MachinesDeps } from "./deps.ts";
import { PortEvents, StateEvents } from "./guest/events.ts";
import { Leftovers } from "./guest/leftovers.ts";
import { removeLive } from "./guest/live.ts";
import { Operations } from "./guest/operations.ts";
import type { LifeContext } from "./life/context.ts";
import { handleEnd } from "./life/ended-vm.ts";
import { closeHostPorts, watchHostPorts } from "./life/host-ports.ts";
import { forgetIdle, watchIdle } from "./life/idle.ts";
import { closePorts, openPorts, watchPorts } from "./life/ports.ts";
import { handleVmmStop } from "./life/vmm-stop.ts";
import { TemplateFiles } from "./templates/files.ts";
import { tidyTemplates } from "./templates/templates.ts";
import { emptyPool } from "./templates/warm.ts";

export type Runtime = {
  ctx: LifeContext;
  /** Resolves when nothing is under way in the background. */
  idle(): Promise<void>;
  /** Detaches from every VM; they keep running. Work under way stops where it is. */
  release(): void;
};

export function createRuntime(deps: MachinesDeps): Runtime {
  let isReleased = false;
  const leftovers = new Leftovers(deps.log);
  const unreachable: LifeContext["unreachable"] = new Map();
  const pending = new Set<Promise<void>>();
  const ctx: LifeContext = {
    ...deps,
    leftovers,
    files: { ...deps.files, removeTree: (path) => leftovers.removing(path, deps.files.removeTree) },
    after: (ms, run) => deps.after(ms, () => void (isReleased || run())),
    unlessReleased: () => (isReleased ? new Promise(() => {}) : Promise.resolve()),
    live: new Map(),
    unreachable,
    unlisted: new Set(),
    operations: new Operations(unreachable),
    events: new StateEvents(),
    portEvents: new PortEvents(),
    holds: new Map(),
    onLive: ({ id }) => watchIdle(ctx, id),
    onStopped: (live) => handleVmmStop(ctx, live),
    onEnd: (live, exit) => handleEnd(ctx, live, exit),
    openPorts: (vm) => openPorts(ctx, vm),
    closePorts: (id) => {
      closePorts(ctx, id);
      closeHostPorts(ctx, id);
    },
    onRemove: (id) => forgetIdle(ctx, id),
    onContentsDropped: () => tidyTemplates(ctx),
    background: (what, work) => {
      const logged = work
        .catch((error: unknown) => {
          leftovers.note(error);
          deps.log.warn(`${what} failed`, { error: toBangerError(error).message });
        })
        .then(() => void pending.delete(logged));
      pending.add(logged);
    },
    room: { isWatched: false, waitMs: deps.timings.roomMs.first, resumedAt: Number.NEGATIVE_INFINITY },
    idle: new Map(),
    ports: new Map(),
    hostPorts: new Map(),
    restores: new Semaphore(deps.restoresAtOnce),
    gaps: { notedFor: new Set() },
    warm: emptyPool(),
    templates: {
      making: new SharedWork(),
      fresh: new Map(),
      broken: new Map(),
      failures: new Map(),
      late: new Map(),
      files: new TemplateFiles(),
    },
    importing: { count: 0, removal: Promise.resolve() },
  };
  ctx.events.subscribe(({ id, state }) => {
    const vm = state === "running" ? ctx.store.vms.byId(id as VmId) : null;
    if (!vm) return;
    watchPorts(ctx, vm);
    ctx.background(`the host's ports for ${vm.name}`, watchHostPorts(ctx, vm));
  });
  return {
    ctx,
    async idle() {
      while (pending.size > 0) await Promise.all(pending);
    },
    release() {
      isReleased = true;
      for (const id of [...ctx.ports.keys()]) closePorts(ctx, id);
      for (const id of [...ctx.hostPorts.keys()]) closeHostPorts(ctx, id);
      for (const live of [...ctx.live.values()]) removeLive(ctx, live);
    },
  };
}
