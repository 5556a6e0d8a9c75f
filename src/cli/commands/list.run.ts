/** `banger vm list` and `show`. */

import { stripControl } from "../../base/text.ts";
import { formatAge, formatSize } from "../../base/units.ts";
import type { VmView } from "../../model/vm.ts";
import type { CliContext } from "../context.ts";
import { pairs, table } from "../ui/table.ts";
import { type JsonFlag, printJson, running } from "../work.ts";

export async function list(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const vms = await this.api.json<VmView[]>("GET", "/v1/vms");
    if (flags.json) return printJson(this, vms);
    if (vms.length === 0) return this.process.stderr.write("no VMs; make one with `banger vm run`\n");
    const header = ["NAME", "STATE", "IMAGE", "CPU", "MEMORY", "DISK", "AGE", "ADDRESS"];
    this.process.stdout.write(table([header, ...vms.map((vm) => rowOf(vm, this.now()))]));
  });
}

function rowOf(vm: VmView, now: number): string[] {
  const { spec } = vm;
  const disk = `${formatSize(vm.diskUsed)}/${formatSize(spec.diskBytes)}`;
  const memory = formatSize(spec.memoryMib * 1024 * 1024);
  return [
    vm.name,
    vm.state,
    spec.image.name,
    String(spec.vcpu),
    memory,
    disk,
    formatAge(now - vm.createdAt),
    vm.address ?? "-",
  ];
}

export async function show(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const vm = await this.api.json<VmView>("GET", `/v1/vms/${encodeURIComponent(name)}`);
    if (flags.json) return printJson(this, vm);
    this.process.stdout.write(pairs(linesOf(vm, this.now())));
    if (!vm.failure) return;
    this.process.stdout.write(`failure: ${stripControl(vm.failure.reason)}\n`);
    for (const line of vm.failure.console) this.process.stdout.write(`  | ${stripControl(line)}\n`);
  });
}

function linesOf(vm: VmView, now: number): [string, string][] {
  const { spec } = vm;
  const lines: [string, string][] = [
    ["name", vm.name],
    ["id", vm.id],
    ["state", vm.state],
    ["image", `${spec.image.name} (${spec.image.digest.slice(0, 19)})`],
    ["kernel", spec.kernel.name],
    [
      "size",
      `${spec.vcpu} vcpu, ${formatSize(spec.memoryMib * 1024 * 1024)} memory, ${formatSize(spec.diskBytes)} disk`,
    ],
    ["disk used", formatSize(vm.diskUsed)],
    ["network", spec.network],
    ["address", vm.address ?? "-"],
    ["created", `${new Date(vm.createdAt).toISOString()} (${formatAge(now - vm.createdAt)} ago)`],
  ];
  if (vm.startedAt !== null) lines.push(["started", new Date(vm.startedAt).toISOString()]);
  if (vm.startedHow !== null) lines.push(["last start", vm.startedHow]);
  if (vm.pid !== null) lines.push(["vmm pid", String(vm.pid)]);
  if (vm.ephemeral) lines.push(["ephemeral", "deleted when its session ends"]);
  return lines;
}
