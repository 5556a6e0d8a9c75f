/** `banger vm show`. */

import { durationText, formatAge, formatSize } from "../../../base/units.ts";
import { oneLine } from "../../../base/untrusted-text.ts";
import { hostName } from "../../../model/host-ports.ts";
import { describeNetwork } from "../../../model/network.ts";
import { formatPublished } from "../../../model/ports.ts";
import type { VmFailure, VmView } from "../../../model/vm.ts";
import { describeVmm } from "../../../model/vmm.ts";
import type { CliContext } from "../../context.ts";
import { stateText } from "../../ui/state.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function show(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const vm = await this.api.json("showVm", { name });
    if (flags.json) return printJson(this, vm);
    print(this, pairs(linesOf(vm, this.now())));
    if (vm.pausedBy) print(this, quoted(vm.pausedBy.log));
    if (vm.failure) print(this, failureText(vm.failure));
  });
}

function failureText({ reason, console, log = [] }: VmFailure): string {
  const said = log.length > 0 ? `its VMM's log ends with:\n${quoted(log)}` : "";
  return `failure: ${oneLine(reason)}\n${quoted(console)}${said}`;
}

function quoted(lines: readonly string[]): string {
  return lines.map((line) => `  | ${oneLine(line)}\n`).join("");
}

function linesOf(vm: VmView, now: number): [string, string][] {
  const { spec } = vm;
  const memory = formatSize(spec.memoryMib * 1024 * 1024);
  const lines: [string, string | null][] = [
    ["name", vm.name],
    ["id", vm.id],
    ["state", stateText(vm)],
    ["paused by", vm.pausedBy && oneLine(vm.pausedBy.reason)],
    ["what to do", vm.pausedBy && oneLine(vm.pausedBy.next)],
    ...(vm.troubles ?? []).flatMap((one): [string, string][] => [
      ["trouble", `${oneLine(one.reason)} (${formatAge(now - one.at)} ago)`],
      ["what to do", oneLine(one.next)],
    ]),
    ["image", `${spec.image.name} (${spec.image.digest.slice(0, 19)})`],
    ["kernel", spec.kernel.name],
    ["size", `${spec.vcpu} vcpu, ${memory} memory, ${formatSize(spec.diskBytes)} disk`],
    ["nested VMs", spec.nested ? "the guest can run VMs of its own" : null],
    ["disk used", formatSize(vm.diskUsed)],
    ["network", describeNetwork(spec.network)],
    // an older daemon does not say
    ["vmm", spec.vmm ? describeVmm(spec.vmm) : null],
    ["address", vm.address ?? "-"],
    ["loopback address", vm.loopbackAddress ?? null],
    ["published ports", spec.publish?.map(formatPublished).join(", ") ?? null],
    ["forwarding", spec.forward === false ? "off" : null],
    ["ports of the host", spec.allowHost ? `${spec.allowHost.join(", ")} (${hostName} in the guest)` : null],
    // an older daemon does not say
    ["synced files", vm.syncedPaths?.length ? vm.syncedPaths.map((path) => oneLine(path)).join(", ") : null],
    ["created", `${new Date(vm.createdAt).toISOString()} (${formatAge(now - vm.createdAt)} ago)`],
    ["started", vm.startedAt === null ? null : new Date(vm.startedAt).toISOString()],
    [
      "suspended",
      vm.suspended && `${vm.suspended.why} (${formatAge(now - vm.suspended.at)} ago); the next use wakes it`,
    ],
    ["idle timeout", spec.idleMs === undefined ? null : spec.idleMs === 0 ? "never" : durationText(spec.idleMs)],
    ["last start", vm.startedHow],
    ["vmm pid", vm.pid === null ? null : String(vm.pid)],
    ["ephemeral", vm.ephemeral ? "deleted when its session ends" : null],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== null);
}
