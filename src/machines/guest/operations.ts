/** One operation at a time on each VM. */
import { Deferred } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";

export type Action =
  | "create"
  | "start"
  | "stop"
  | "restart"
  | "kill"
  | "delete"
  | "rename"
  | "save"
  | "pause"
  | "resume"
  | "suspend"
  | "snapshot"
  | "restore"
  | "fork"
  | "reconcile";

type Current = { action: Action };

export class Operations {
  readonly #current = new Map<VmId, Current>();
  readonly #tails = new Map<VmId, Promise<void>>();
  /** operations under way or waiting */
  readonly #pending = new Map<VmId, Map<AbortController, Action>>();
  readonly #unreachable: ReadonlyMap<VmId, Error>;

  /** @param unreachable VMs whose VMM does not answer, with the reason */
  constructor(unreachable: ReadonlyMap<VmId, Error> = new Map()) {
    this.#unreachable = unreachable;
  }

  /** What is being done to that VM. */
  busyWith(id: VmId): Action | null {
    return this.#current.get(id)?.action ?? null;
  }

  /** Marks that an operation is about to begin, before its kind is known. */
  isBeginning(id: VmId): boolean {
    return this.#tails.has(id) && !this.#current.has(id);
  }

  /**
   * Runs `body` unless another requested operation is under way. The daemon's own work (recording an end, starting a VM whose
   * guest rebooted) is waited for.
   * @throws VM_STATE otherwise; VMM_UNREACHABLE rather than wait for a VMM that does not answer
   */
  async run<T>(
    vm: { id: VmId; name: string },
    action: Action,
    body: (interrupted: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const others = [...(this.#pending.get(vm.id)?.values() ?? [])];
    if (others.some((other) => other !== "reconcile")) throw busy(vm.name, action, this.busyWith(vm.id));
    const silent = others.length > 0 ? this.#unreachable.get(vm.id) : undefined;
    if (silent) throw silent;
    return this.queue(vm.id, action, body);
  }

  /** Runs `body` after everything that is under way or waiting. */
  async queue<T>(id: VmId, action: Action, body: (interrupted: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#tails.get(id);
    const mine = new Deferred<void>();
    this.#tails.set(id, mine.promise);
    const abort = new AbortController();
    const pending = this.#pending.get(id) ?? new Map<AbortController, Action>();
    this.#pending.set(id, pending.set(abort, action));
    await before;
    this.#current.set(id, { action });
    try {
      return await body(abort.signal);
    } finally {
      this.#current.delete(id);
      pending.delete(abort);
      if (pending.size === 0) this.#pending.delete(id);
      if (this.#tails.get(id) === mine.promise) this.#tails.delete(id);
      mine.resolve();
    }
  }

  /**
   * Interrupts what is under way and what waits (each undoes itself), then runs `body`.
   * @param cut called if there is one: ends what the operation under way may wait for
   */
  async preempt<T>(id: VmId, action: Action, body: () => Promise<T>, cut: () => void = () => {}): Promise<T> {
    const others = [...(this.#pending.get(id)?.keys() ?? [])];
    for (const abort of others) abort.abort(new Interrupted(action));
    const result = this.queue(id, action, body);
    if (others.length > 0) cut();
    return result;
  }
}

/** The reason of an operation's aborted signal: another one replaced it. */
export class Interrupted extends Error {
  constructor(by: Action) {
    super(`interrupted by ${by}`);
    this.name = "Interrupted";
  }
}

const doing: Record<Action, string> = {
  create: "being created",
  start: "starting",
  stop: "stopping",
  restart: "restarting",
  kill: "being killed",
  delete: "being deleted",
  rename: "being renamed",
  save: "being saved",
  pause: "being paused",
  resume: "being resumed",
  suspend: "being suspended",
  snapshot: "being saved",
  restore: "being restored",
  fork: "being forked",
  reconcile: "not ready yet",
};

function busy(name: string, action: Action, other: Action | null): Error {
  const next = `try again in a moment, or end it with \`banger vm delete ${name}\``;
  return fail("VM_STATE", { name, action, state: other ? doing[other] : "busy", next });
}
