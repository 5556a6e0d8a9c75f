/** Making a template: a VM without a row boots cold, its services come up, it is saved and ended. Nothing of a user goes in. */
import { orAborted } from "../../base/async.ts";
import { type BangerError, fail, isError, toBangerError } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import { formatSize } from "../../base/units.ts";
import type { Emit } from "../../model/event.ts";
import { savedPaths } from "../../model/paths.ts";
import type { TemplateFacts } from "../../model/save.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { NetDevice } from "../../vmm/driver.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import { bootSpec } from "../guest/boot-spec.ts";
import { abortedByStop } from "../guest/disk-full-error.ts";
import { identifyGuest } from "../guest/identify.ts";
import { throwAwayIdentity } from "../guest/identity.ts";
import { type WaitedGuest, waitServices } from "../guest/ready.ts";
import { runOnce } from "../guest/run-once.ts";
import { startUnlisted, type UnlistedVm } from "../guest/unlisted-vm.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import { withLimit } from "../guest/within.ts";
import type { ReadyArtifacts } from "../images/artifacts.ts";
import { verifyArtifacts } from "../images/content-problem.ts";
import type { TemplatesContext } from "./context.ts";
import { basisStamps, type StampedState } from "./stamps.ts";

export type TemplatePlan = {
  spec: VmSpec;
  artifacts: ReadyArtifacts;
  probe: UsableProbe;
  key: Digest;
  facts: TemplateFacts;
  /** that the key is of; null: none */
  network: NetDevice["kind"] | null;
};

/** More memory than a guest uses whose services have just started, in bytes. */
const usualMemory = 1024 ** 3;

/** What the VM is called in messages and by its guest. */
const name = "template";

export type MadeTemplate = {
  save: StampedState;
  /** what was not up when it was saved, for people; null: everything was */
  late: string | null;
};

/** @throws what a start throws, SAVE_FAILED, DISK_FULL; nothing is left then */
export async function makeTemplate(
  ctx: TemplatesContext,
  plan: TemplatePlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<MadeTemplate> {
  emit({ kind: "progress", step: "template", text: "booting, once: later VMs of this kind begin where it ends" });
  const basis = await basisStamps(ctx, plan.artifacts);
  await verifyArtifacts(ctx, plan.artifacts);
  await requireRoom(ctx, plan.spec);
  await using vm = await boot(ctx, plan, signal);
  const until = AbortSignal.any([signal, abortedByStop(ctx, vm.running, name, "making a template")]);
  await identify(ctx, vm, until);
  const late = await quiesce(ctx, vm, plan, emit, until);
  emit({ kind: "progress", step: "template", text: "saving it" });
  const saved = ctx.paths.suspended(vm.id);
  const record = await vm.running.save(saved, until);
  await vm.running.kill();
  // its own folder may move, the memory file in it may not: its inode's time of change is part of the record
  const { disk } = savedPaths(saved.directory);
  await ctx.files.rename(vm.files.disk, disk);
  const [diskStamp = null] = await ctx.files.changeStamps([disk]);
  const to = ctx.paths.template(plan.key).directory;
  await orAborted(ctx.templates.files.removed(plan.key), signal);
  await ctx.files.removeTree(to);
  await ctx.files.ensureFolder(ctx.paths.templates);
  await ctx.files.rename(saved.directory, to);
  return { save: { ...record, diskStamp, basis }, late };
}

function boot(
  ctx: TemplatesContext,
  { spec, artifacts, probe, facts, network }: TemplatePlan,
  signal: AbortSignal,
): Promise<UnlistedVm> {
  return startUnlisted(ctx, {
    name,
    spec,
    probe,
    makeFiles: async ({ disk }, id) => {
      await ctx.files.ensureFolder(ctx.paths.suspended(id).directory);
      await ctx.createDisk(disk, facts.diskBytes);
    },
    launch: async ({ id, net }) => {
      // VMs could not begin from it that have what they should have
      if (net && net.device.kind !== network) throw otherNetwork(net.note);
      const { image, initramfs } = artifacts;
      const vm = { id, spec, ephemeral: true };
      const devices = bootSpec(ctx.paths, { vm, image, initramfs, net: net?.device ?? null });
      const memory = probe.features.savesInPlace ? { memory: { path: ctx.paths.suspended(id).memory } } : {};
      return ctx.drivers.named(spec.vmm.driver).boot({ ...devices, ...memory }, signal);
    },
  });
}

export function otherNetwork(why = "it is another than it should be"): BangerError {
  return fail("NETWORK_FAILED", { program: "passt", reason: why });
}

/** Sends its guest an identity that no VM will have. */
async function identify(
  ctx: TemplatesContext,
  { running, session, net }: UnlistedVm,
  signal: AbortSignal,
): Promise<void> {
  const ended = running.wait().then(({ kind }) => {
    throw fail("VM_FAILED", { name, reason: `it ended (${kind}) before its agent answered` });
  });
  ended.catch(() => {});
  const identity = await throwAwayIdentity(ctx, name, net?.identity ?? null, await ctx.inheritance());
  const late = () => fail("AGENT_UNREACHABLE", { name, reason: "no answer in time" });
  const identified = withLimit(ctx, identifyGuest(ctx, session, identity, name), ctx.timings.agentMs, late);
  await orAborted(Promise.race([identified, ended]), signal);
}

/** A disk that fills while the guest runs kills it: its memory is a sparse file. */
async function requireRoom(ctx: TemplatesContext, { memoryMib }: VmSpec): Promise<void> {
  const wanted = Math.min(memoryMib * 1024 ** 2, usualMemory);
  const free = await ctx.files.freeBytes(ctx.paths.vms);
  if (free >= wanted) return;
  const sizes = { needed: formatSize(wanted), free: formatSize(free) };
  throw fail("DISK_FULL", { path: ctx.paths.vms, during: "making a template", ...sizes });
}

/** Everything that a VM would wait for is up, and what is dirty is on the disk. @returns what is not up after all */
async function quiesce(
  ctx: TemplatesContext,
  { running, session }: UnlistedVm,
  { spec }: TemplatePlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<string | null> {
  const client = await session.client(ctx.timings.reconnectMs);
  const guest = { name: `${name} of ${spec.image.name}`, client, exit: running.wait() };
  const late = await lateServices(ctx, guest, emit, signal);
  if (client.hello?.init === "systemd") await startDocker(ctx, client, emit, signal);
  for (const argv of firstCommands) await runOnce(ctx, client, argv, signal);
  const options = { signal, timeoutMs: ctx.timings.servicesMs };
  (await client.open("settle", { trim: true, forCopies: true }, options)).close();
  session.close();
  return late;
}

/** A unit that fails in itself is the image's normal state; one that is late, or timed out, may have met a busy host. */
async function lateServices(
  ctx: TemplatesContext,
  guest: WaitedGuest,
  emit: Emit,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const failed = await waitServices(ctx, guest, emit, signal);
    const timedOut = failed.length > 0 && (await runOnce(ctx, guest.client, [...anyTimedOut, ...failed], signal)) === 0;
    return timedOut ? `services timed out in the guest (${failed.join(", ")})` : null;
  } catch (error) {
    if (!isError(error, "SERVICES_LATE")) throw error;
    return toBangerError(error).message;
  }
}

/** Ends with status 0 if one of the units that follow has failed by a time limit of its own (systemd.service(5), `Result`). */
const anyTimedOut = ["sh", "-c", 'systemctl show --property=Result --value -- "$@" | grep -qx timeout', "sh"];

/** What most users run first: in the template their files are in memory. */
const firstCommands = [["true"], ["sh", "-c", "true"], ["bash", "-c", "true"], ["git", "--version"]];

/** systemctl's exit status for a unit that does not exist. */
const noSuchUnit = 5;

/** Socket-activated, so it isn't there yet; in a template it costs a VM nothing. An image without it is fine. */
async function startDocker(ctx: TemplatesContext, client: AgentClient, emit: Emit, signal: AbortSignal): Promise<void> {
  const status = await runOnce(ctx, client, ["systemctl", "start", "docker.service"], signal);
  if (status === 0 || status === noSuchUnit) return;
  const why = status === null ? "it takes too long" : `systemctl ended with status ${status}`;
  emit({ kind: "note", level: "warn", text: `docker could not be started in the template: ${why}` });
}
