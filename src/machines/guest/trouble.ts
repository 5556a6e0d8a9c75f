/** Faults that do not stop a VM: kept until its next start, and emitted as events. */
import type { TroubleKind, VmRecord, VmTrouble } from "../../model/vm.ts";
import type { VmmTrouble } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";
import type { LiveVm } from "./live.ts";

/** A trouble of the same kind is not emitted again within this time, in `ms`: a VMM may report it any number of times. */
const quietMs = 60_000;

/** Called for each such event of the VMM; a single statement, so it needs no operation of the VM. */
export function noteTrouble(ctx: GuestContext, live: LiveVm, { kind, reason }: VmmTrouble): void {
  const vm = ctx.store.vms.byId(live.id);
  if (!vm || ctx.live.get(live.id) !== live) return;
  const troubles = withTrouble(vm.troubles, { kind, reason, next: nextFor(kind, vm), at: ctx.clock.now() });
  if (troubles === null) return;
  ctx.store.vms.change(vm.id, { troubles });
  ctx.log.warn("a VM met trouble", { vm: vm.name, id: vm.id, kind, reason });
  ctx.events.emit({ kind: "state", id: vm.id, name: vm.name, state: vm.state, reason, trouble: kind });
}

/** One of each kind, the latest last. Null: it was emitted a moment ago. */
export function withTrouble(known: readonly VmTrouble[], trouble: VmTrouble): VmTrouble[] | null {
  const same = known.find(({ kind }) => kind === trouble.kind);
  if (same && trouble.at >= same.at && trouble.at - same.at < quietMs) return null;
  return [...known.filter((one) => one !== same), trouble];
}

function nextFor(kind: TroubleKind, { name }: Pick<VmRecord, "name">): string {
  switch (kind) {
    case "network-lost":
      return `\`banger vm restart ${name}\` gives it a network again`;
    case "disk-error":
    case "memory-failure":
      return "look at the host's own log (dmesg): its hardware may be failing";
    case "watchdog":
    case "guest-panic":
    case "reset":
      return `\`banger vm logs ${name}\` shows its console; \`banger vm restart ${name}\` starts it afresh`;
  }
}
