/**
 * A VM held ready: restored from the template that was used last, its agent reached, and standing still. The next VM of
 * its kind takes it over, and has only to become itself. It has a folder among the VMs' and no row: a daemon that starts
 * finds and ends it.
 */

import { withTimeout } from "../base/async.ts";
import { fail, toBangerError } from "../base/errors/error.ts";
import type { VmId } from "../base/names.ts";
import { UndoStack } from "../base/undo.ts";
import { reachesSame } from "../model/network.ts";
import type { VmPaths } from "../model/paths.ts";
import type { TemplateRecord } from "../model/save.ts";
import { shortKey } from "../templates/key.ts";
import { prepareArtifacts, type ReadyArtifacts } from "./artifacts.ts";
import { bootSpec } from "./boot-spec.ts";
import type { Context } from "./context.ts";
import type { PreparedNetwork } from "./deps.ts";
import { discard } from "./discard.ts";
import { saveOf } from "./origin.ts";
import { rehearse } from "./rehearse.ts";
import { AgentSession } from "./session.ts";
import { dropSpare, endCurrent, type Spare, type SpareKind } from "./spares.ts";
import { changedPart } from "./template-stamps.ts";
import { templateByKey } from "./templates.ts";

/** A VM of that kind began: another one may be wanted soon. It is made when this one has had time to do its work. */
export function wantSpare(ctx: Context, kind: SpareKind): void {
  ctx.spares.wanted = kind;
  scheduleSpare(ctx, ctx.timings.spareAfterMs);
}

/** A VM is gone, and the host has time, unless the next one is asked for at once. */
export function vmGone(ctx: Context): void {
  scheduleSpare(ctx, ctx.timings.spareAfterEndMs);
}

/** A VM is asked for: it must not share the CPUs with one that might be. */
export function putOffSpare(ctx: Context): void {
  ctx.spares.cancelMaking();
}

function scheduleSpare(ctx: Context, ms: number): void {
  ctx.spares.cancelMaking();
  ctx.spares.cancelMaking = ctx.after(ms, () => makeSpare(ctx));
}

/** Makes the one that is wanted, if it isn't there. */
function makeSpare(ctx: Context): void {
  const { spares } = ctx;
  const { wanted, current } = spares;
  if (!wanted || spares.isRetired || (current && isSame(current.kind, wanted))) return;
  const hurry = new AbortController();
  const making = (async () => {
    await endCurrent(ctx, current);
    return (await ctx.mayHoldSpare()) ? await prepareSpare(ctx, wanted, hurry.signal) : null;
  })().catch((error: unknown) => {
    ctx.log.info("no VM is held ready", { key: shortKey(wanted.key), why: toBangerError(error).message });
    return null;
  });
  const mine = { kind: wanted, ready: making, hurry, cancelExpiry: () => {} };
  spares.current = mine;
  mine.cancelExpiry = ctx.after(ctx.timings.spareMs, () => ctx.background("ending a spare", dropSpare(ctx, mine)));
  ctx.background("holding a VM ready", making);
}

/** The template says nothing of what a guest's network denies. */
function isSame(one: SpareKind, other: SpareKind): boolean {
  const isOfKind = one.key === other.key && one.ephemeral === other.ephemeral;
  return isOfKind && reachesSame(one.spec.network, other.spec.network);
}

/** The one that is ready, for a VM of that kind; waits for one that is being made. Null: there is none. */
export async function takeSpare(ctx: Context, kind: SpareKind): Promise<Spare | null> {
  const { current } = ctx.spares;
  // a larger disk than the template's would have to grow first
  if (!current || !isSame(current.kind, kind) || current.kind.spec.diskBytes !== kind.spec.diskBytes) return null;
  ctx.spares.current = null;
  current.cancelExpiry();
  current.hurry.abort();
  return current.ready;
}

/** @throws what restoring throws; nothing is left then */
async function prepareSpare(ctx: Context, kind: SpareKind, hurry: AbortSignal): Promise<Spare | null> {
  const template = templateByKey(ctx, kind.key);
  if (!template || (await changedPart(ctx, template)) !== null) return null;
  const artifacts = await prepareArtifacts(ctx, kind.spec);
  const undo = new UndoStack();
  const id = ctx.randomId();
  const removeFolder = () => discard(ctx, ctx.paths.vm(id).directory);
  try {
    const made = await restore(ctx, { ...kind, id }, template, artifacts, undo);
    const abandon = () => undo[Symbol.asyncDispose]();
    const spare: Spare = {
      ...kind,
      ...made,
      kind: "spare",
      id,
      what: `template ${shortKey(kind.key)}`,
      save: template.save,
      diskStamp: null,
      handOver: () => forgetPids(ctx, made),
      abandon,
      end: () => abandon().finally(removeFolder),
    };
    await reach(ctx, spare, hurry);
    // it stands still from here on: nobody writes to its disk
    const [diskStamp = null] = await ctx.files.changeStamps([ctx.paths.vm(id).disk]);
    return { ...spare, diskStamp };
  } catch (error) {
    await ctx.unlessReleased();
    await undo[Symbol.asyncDispose]().finally(removeFolder);
    throw error;
  }
}

async function restore(
  ctx: Context,
  { id, spec, ephemeral }: SpareKind & { id: VmId },
  { key, facts, save }: TemplateRecord,
  { image, initramfs }: ReadyArtifacts,
  undo: UndoStack,
): Promise<Pick<Spare, "running" | "session" | "net">> {
  const files = ctx.paths.vm(id);
  const from = ctx.paths.template(key);
  await ctx.files.ensureFolder(files.directory);
  const work = [
    spec.network.kind === "user" ? prepareNetwork(ctx, files, spec.network.deny, undo) : null,
    ctx.copySparse(from.disk, files.disk, facts.diskBytes),
  ] as const;
  // both, even when one fails: nothing is still being made while the other is undone
  await Promise.allSettled(work);
  const [net] = await Promise.all(work);
  const devices = bootSpec(ctx.paths, { vm: { id, spec, ephemeral }, image, initramfs, net: net?.device ?? null });
  const running = await ctx.driver.restore(saveOf(save, from), devices, new AbortController().signal);
  ctx.nobodys.add(running.record.process.pid);
  const session = new AgentSession(ctx, running, () => ctx.store.vms.byId(id)?.name ?? "a spare");
  undo.defer("its VMM", async () => {
    session.close();
    await running.kill();
    running.release();
    forgetPids(ctx, { running, net: null });
  });
  return { running, session, net };
}

async function prepareNetwork(
  ctx: Context,
  files: VmPaths,
  deny: readonly string[],
  undo: UndoStack,
): Promise<PreparedNetwork> {
  const net = await ctx.network.prepare(files, deny);
  const { process } = net;
  if (!process) return net;
  ctx.nobodys.add(process.pid);
  undo.defer("its network", async () => {
    await ctx.network.stop(process, files);
    ctx.nobodys.delete(process.pid);
  });
  return net;
}

function forgetPids(ctx: Context, { running, net }: Pick<Spare, "running" | "net">): void {
  ctx.nobodys.delete(running.record.process.pid);
  if (net?.process) ctx.nobodys.delete(net.process.pid);
}

/** The agent has been reached once, and what comes next has been tried: pages that it takes are there, and the line is. */
async function reach(ctx: Context, { running, session, spec, net }: Spare, hurry: AbortSignal): Promise<void> {
  const late = () => fail("AGENT_UNREACHABLE", { name: "a spare", reason: "no answer in time" });
  await running.resume();
  const limit = ctx.timings.restoredAgentMs;
  const client = await withTimeout(session.client(limit), limit, late);
  await rehearse(ctx, { client, spec, network: net?.identity ?? null }, hurry);
  await running.pause();
}
