/**
 * Making a template: a VM of nobody's boots cold, its services come up, it is saved and ended. Nothing of a user goes
 * in. It has a folder among the VMs' and no row: a daemon that starts finds and ends it.
 */
import { orAborted, withTimeout } from "../base/async.ts";
import { fail, isError, toBangerError } from "../base/errors/error.ts";
import type { Digest, VmId } from "../base/names.ts";
import { UndoStack } from "../base/undo.ts";
import { formatSize } from "../base/units.ts";
import type { Emit } from "../model/event.ts";
import { savedPaths } from "../model/paths.ts";
import type { TemplateFacts } from "../model/save.ts";
import type { VmSpec } from "../model/vm.ts";
import type { RunningVm } from "../vmm/driver.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { ReadyArtifacts } from "./artifacts.ts";
import { bootSpec } from "./boot-spec.ts";
import { verifyArtifacts } from "./content-problem.ts";
import type { Context } from "./context.ts";
import { abortedByStop } from "./disk-full.ts";
import { greetGuest } from "./greet.ts";
import { throwAwayIdentity } from "./identity.ts";
import { waitServices } from "./ready.ts";
import { runOnce } from "./run-once.ts";
import { AgentSession } from "./session.ts";
import { basisStamps, type StampedState } from "./template-stamps.ts";

export type TemplatePlan = {
  spec: VmSpec;
  artifacts: ReadyArtifacts;
  key: Digest;
  facts: TemplateFacts;
};

/** More than a guest takes whose services have just started, in bytes. */
const usualMemory = 1024 ** 3;

/** What the VM is called in messages and by its guest. */
const name = "template";

/** @throws what a start throws, SAVE_FAILED, DISK_FULL; nothing is left then */
export async function makeTemplate(
  ctx: Context,
  plan: TemplatePlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<StampedState> {
  emit({ kind: "progress", step: "template", text: "booting, once: later VMs of this kind begin where it ends" });
  await using undo = new UndoStack();
  const id = ctx.randomId();
  const own = ctx.paths.vm(id);
  undo.defer("its folder", () => ctx.files.removeTree(own.directory));
  await ctx.files.ensureFolder(ctx.paths.suspended(id).directory);
  const basis = await basisStamps(ctx, plan.artifacts);
  await verifyArtifacts(ctx, plan.artifacts);
  const { running, until } = await boot(ctx, id, plan, undo, signal);
  await settle(ctx, running, plan, emit, until);
  emit({ kind: "progress", step: "template", text: "saving it" });
  const saved = ctx.paths.suspended(id);
  const record = await running.save(saved, until);
  await running.kill();
  // its own folder may move, the memory file in it may not: its inode's time of change is part of the record
  const { disk } = savedPaths(saved.directory);
  await ctx.files.rename(own.disk, disk);
  const [diskStamp = null] = await ctx.files.changeStamps([disk]);
  const to = ctx.paths.template(plan.key).directory;
  await orAborted(ctx.templates.files.removed(plan.key), signal);
  await ctx.files.removeTree(to);
  await ctx.files.ensureFolder(ctx.paths.templates);
  await ctx.files.rename(saved.directory, to);
  return { ...record, diskStamp, basis };
}

async function boot(
  ctx: Context,
  id: VmId,
  { spec, artifacts, facts }: TemplatePlan,
  undo: UndoStack,
  signal: AbortSignal,
): Promise<{ running: RunningVm /** aborted with `signal`, and when its VMM stops it */; until: AbortSignal }> {
  const files = ctx.paths.vm(id);
  await requireRoom(ctx, spec);
  await ctx.createDisk(files.disk, facts.diskBytes);
  const net = spec.network.kind === "user" ? await ctx.network.prepare(files, spec.network.deny) : null;
  const process = net?.process;
  if (process) {
    ctx.nobodys.add(process.pid);
    undo.defer("its network", async () => {
      await ctx.network.stop(process, files);
      ctx.nobodys.delete(process.pid);
    });
  }
  // VMs could not begin from it that have what they should have
  if (net && net.device.kind !== (await ctx.network.kind(spec.network.deny)))
    throw fail("NETWORK_FAILED", { program: "passt", reason: net.note ?? "it is another than it should be" });
  const { image, initramfs } = artifacts;
  const devices = bootSpec(ctx.paths, {
    vm: { id, spec, ephemeral: true },
    image,
    initramfs,
    net: net?.device ?? null,
  });
  const running = await ctx.driver.boot({ ...devices, memory: { path: ctx.paths.suspended(id).memory } }, signal);
  const { pid } = running.record.process;
  ctx.nobodys.add(pid);
  undo.defer("its VMM", async () => {
    await running.kill();
    running.release();
    ctx.nobodys.delete(pid);
  });
  const session = new AgentSession(ctx, running, () => name);
  undo.defer("its session", () => session.close());
  const ended = running.wait().then(({ kind }) => {
    throw fail("VM_FAILED", { name, reason: `it ended (${kind}) before its agent answered` });
  });
  ended.catch(() => {});
  const until = AbortSignal.any([signal, abortedByStop(ctx, running, name, "making a template")]);
  const identity = await throwAwayIdentity(ctx, name, net?.identity ?? null, await ctx.inheritance());
  const late = () => fail("AGENT_UNREACHABLE", { name, reason: "no answer in time" });
  const greeted = withTimeout(greetGuest(ctx, session, identity, name), ctx.timings.agentMs, late);
  await orAborted(Promise.race([greeted, ended]), until);
  session.close();
  return { running, until };
}

/** A disk that fills while the guest runs kills it: its memory is a sparse file. */
async function requireRoom(ctx: Context, { memoryMib }: VmSpec): Promise<void> {
  const wanted = Math.min(memoryMib * 1024 ** 2, usualMemory);
  const free = await ctx.files.freeBytes(ctx.paths.vms);
  if (free >= wanted) return;
  const sizes = { needed: formatSize(wanted), free: formatSize(free) };
  throw fail("DISK_FULL", { path: ctx.paths.vms, during: "making a template", ...sizes });
}

/** Everything that a VM would wait for is up, and what is dirty is on the disk. */
async function settle(
  ctx: Context,
  running: RunningVm,
  { spec }: TemplatePlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const session = new AgentSession(ctx, running, () => name);
  try {
    const client = await session.client(ctx.timings.reconnectMs);
    const guest = { name: `${name} of ${spec.image.name}`, client, exit: running.wait() };
    await waitServices(ctx, guest, emit, signal).catch((error: unknown) => {
      if (!isError(error, "SERVICES_LATE")) throw error;
      emit({ kind: "note", level: "warn", text: `${toBangerError(error).message}, going on without` });
    });
    if (client.hello?.init === "systemd") await startDocker(ctx, client, emit, signal);
    for (const argv of firstCommands) await runOnce(ctx, client, argv, signal);
    (
      await client.open("settle", { trim: true, forCopies: true }, { signal, timeoutMs: ctx.timings.servicesMs })
    ).close();
  } finally {
    session.close();
  }
}

/** What most users run first: in the template their files are in memory. */
const firstCommands = [["true"], ["sh", "-c", "true"], ["bash", "-c", "true"], ["git", "--version"]];

/** What systemctl says of a unit that there isn't. */
const noSuchUnit = 5;

/** Socket-activated, so it isn't there yet; in a template it costs a VM nothing. An image without it goes on without. */
async function startDocker(ctx: Context, client: AgentClient, emit: Emit, signal: AbortSignal): Promise<void> {
  const status = await runOnce(ctx, client, ["systemctl", "start", "docker.service"], signal);
  if (status === 0 || status === noSuchUnit) return;
  const why = status === null ? "it takes too long" : `systemctl ended with status ${status}`;
  emit({ kind: "note", level: "warn", text: `docker could not be started in the template: ${why}` });
}
