/** `banger system uninstall`: asks, stops the VMs, and removes the service. */
import { count } from "../../../base/text.ts";
import type { Emit } from "../../../model/event.ts";
import type { VmView } from "../../../model/vm.ts";
import { cancellable } from "../../abort.ts";
import { confirm } from "../../confirm.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, remark, running, sinkOf } from "../../work.ts";

type Flags = JsonFlag & { purge?: boolean; yes?: boolean };

export async function uninstall(this: CliContext, flags: Flags): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const { uninstall: carryOut, requireRootFor } = await import("../../../system/uninstall.ts");
    const world = await this.systemWorld();
    const purge = flags.purge ?? false;
    requireRootFor(world, { purge });
    const vms = await serviceVms(this);
    await confirm(this, { ...flags, force: flags.yes ?? false }, { ...question(vms, purge), flag: "--yes" });
    await cancellable(this.signals, (signal) => stopAll(this, vms, sink.emit, signal)).finally(() => sink.done());
    const report = await carryOut(world, { purge });
    if (flags.json) return printJson(this, report);
    for (const path of report.removed) print(this, `removed ${path}\n`);
    if (report.kept)
      remark(
        this,
        flags,
        `VMs and images stay in ${report.kept}: a later install finds them, \`--purge\` deletes them\n`,
      );
  }).finally(() => sink.done());
}

/** Empty where the service does not answer: its VMs can't be asked then, and end with it. */
async function serviceVms(context: CliContext): Promise<VmView[]> {
  if (context.serviceOwner === null) return [];
  const api = await context.runningApi().catch(() => null);
  return (await api?.json("listVms").catch(() => [])) ?? [];
}

function isRunning({ state }: VmView): boolean {
  return state === "running" || state === "paused" || state === "starting";
}

function question(vms: readonly VmView[], purge: boolean): { loss: string; question: string } {
  const running = vms.filter(isRunning).map(({ name }) => name);
  const stopped = running.length > 0 ? [`these VMs are running and will be stopped: ${running.join(", ")}`] : [];
  const all = vms.length === 0 ? "all of its VMs and images" : `its ${count(vms.length, "VM")}, and all images,`;
  const deleted = purge ? [`${all} will be deleted`] : [];
  return { loss: ["the service will be removed", ...stopped, ...deleted].join("; "), question: "go on" };
}

/** A guest that does not go down in its time has its power cut, as `vm stop` does. */
async function stopAll(context: CliContext, vms: readonly VmView[], emit: Emit, signal: AbortSignal): Promise<void> {
  const stopped = vms
    .filter(isRunning)
    .map(({ name }) => context.api.work("stopVm", { name, body: {} }, emit, signal).then(({ value }) => value));
  for (const result of await Promise.allSettled(stopped))
    if (result.status === "rejected")
      emit({ kind: "note", level: "warn", text: `a VM was not stopped: ${(result.reason as Error).message}` });
}
