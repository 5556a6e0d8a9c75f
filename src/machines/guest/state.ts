/** Looking up VMs and changing their state; every transition is an event. */
import { fail } from "../../base/errors/error.ts";
import { parseVmName, type VmId } from "../../base/names.ts";
import { nearest } from "../../base/text.ts";
import type { Emit } from "../../model/event.ts";
import type { VmRecord, VmState } from "../../model/vm.ts";
import type { VmChanges } from "../../store/vms.ts";
import type { GuestContext } from "./context.ts";

/** @throws VM_NOT_FOUND, VM_NAME_INVALID */
export function findVm(ctx: Pick<GuestContext, "store">, name: string): VmRecord {
  const record = ctx.store.vms.byName(parseVmName(name));
  if (record) return record;
  const near = nearest(
    name,
    ctx.store.vms.all().map((vm) => vm.name),
  );
  throw fail("VM_NOT_FOUND", near ? { name, nearest: near } : { name });
}

/** The record as it is now. @throws VM_NOT_FOUND when it was deleted meanwhile */
export function freshVm(ctx: Pick<GuestContext, "store">, stale: { id: VmId; name: string }): VmRecord {
  const record = ctx.store.vms.byId(stale.id);
  if (!record) throw fail("VM_NOT_FOUND", { name: stale.name });
  return record;
}

/** Writes a transition with its other fields, and emits it. @param reason one sentence, may be empty */
export function setState(ctx: GuestContext, id: VmId, state: VmState, reason: string, changes: VmChanges = {}): void {
  ctx.store.vms.change(id, { ...changes, state });
  emitState(ctx, id, reason);
}

/** Emits the state that is written, for transitions written inside a bigger transaction. */
export function emitState(ctx: GuestContext, id: VmId, reason: string): void {
  const record = ctx.store.vms.byId(id);
  if (!record) return;
  ctx.log.info("vm state", { vm: record.name, id, state: record.state, reason });
  ctx.events.emit({ kind: "state", id, name: record.name, state: record.state, reason });
}

/** @throws VM_STATE unless the VM is in one of `allowed` */
export function requireState(vm: VmRecord, action: string, allowed: readonly VmState[], next: string): void {
  if (!allowed.includes(vm.state)) throw fail("VM_STATE", { name: vm.name, state: vm.state, action, next });
}

/** Emits a note that the VM is in the requested state already. */
export function reportAlready(emit: Emit, { name }: Pick<VmRecord, "name">, state: string): void {
  emit({ kind: "note", level: "info", text: `"${name}" is ${state} already` });
}
