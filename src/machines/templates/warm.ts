/**
 * A warm VM: restored from the most recently used template, its agent reached, and paused. The next VM of its kind takes it
 * over, and only has to send its identity.
 */
import { fail, toBangerError } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import { reachesSame } from "../../model/network.ts";
import type { TemplateRecord } from "../../model/save.ts";
import type { SavedState } from "../../model/saved-state.ts";
import type { VmSpec } from "../../model/vm.ts";
import { bootSpec } from "../guest/boot-spec.ts";
import { rehearse } from "../guest/rehearse.ts";
import { startUnlisted, type UnlistedVm } from "../guest/unlisted-vm.ts";
import { type UsableProbe, usableVmm } from "../guest/usable-vmm.ts";
import { withLimit } from "../guest/within.ts";
import { prepareArtifacts, type ReadyArtifacts } from "../images/artifacts.ts";
import type { TemplatesContext } from "./context.ts";
import { shortKey } from "./key.ts";
import { templateByKey } from "./records.ts";
import { changedPart } from "./stamps.ts";
import { saveOf } from "./start-source.ts";

/** What must match for a VM to take over a warm one. */
export type WarmKind = {
  /** of the template */
  key: Digest;
  spec: VmSpec;
  /** its disk need not survive the host's crash */
  ephemeral: boolean;
};

export type WarmVm = WarmKind & {
  kind: "warm";
  vm: UnlistedVm;
  /** in a few words, for people: `template 1f2e3d4c5b6a` */
  what: string;
  /** what it was restored from */
  save: SavedState;
  /** of its disk while it is paused */
  diskStamp: string | null;
};

export type WarmPool = {
  /** of the VM that was made last */
  wanted: WarmKind | null;
  /** being made, or ready */
  current: Coming | null;
  cancelMaking: () => void;
  isRetired: boolean;
};

type Coming = {
  kind: WarmKind;
  ready: Promise<WarmVm | null>;
  /** aborted when a VM waits for it: it skips its rehearsal */
  hurry: AbortController;
  cancelExpiry: () => void;
};

export function emptyPool(): WarmPool {
  return { wanted: null, current: null, cancelMaking: () => {}, isRetired: false };
}

/** A VM of that kind started, and another one may follow. The warm VM is made later, so as not to slow this one down. */
export function wantWarm(ctx: TemplatesContext, kind: WarmKind): void {
  ctx.warm.wanted = kind;
  schedule(ctx, ctx.timings.warmAfterMs);
}

/** A VM has ended, so the host is free, unless the next one is requested at once. */
export function makeWarmSoon(ctx: TemplatesContext): void {
  schedule(ctx, ctx.timings.warmAfterEndMs);
}

/** A VM is requested: it must not share the CPUs with making a warm one. */
export function postponeWarm(ctx: TemplatesContext): void {
  ctx.warm.cancelMaking();
}

function schedule(ctx: TemplatesContext, ms: number): void {
  ctx.warm.cancelMaking();
  ctx.warm.cancelMaking = ctx.after(ms, () => makeWanted(ctx));
}

/** Makes the wanted warm VM, if there is none. */
function makeWanted(ctx: TemplatesContext): void {
  const { warm } = ctx;
  const { wanted, current } = warm;
  if (!wanted || warm.isRetired || (current && isSame(current.kind, wanted))) return;
  const hurry = new AbortController();
  const making = (async () => {
    await endCurrent(ctx, current);
    return (await ctx.mayKeepWarm()) ? await makeWarm(ctx, wanted, hurry.signal) : null;
  })().catch((error: unknown) => {
    ctx.log.info("no VM is kept warm", { key: shortKey(wanted.key), why: toBangerError(error).message });
    return null;
  });
  const mine = { kind: wanted, ready: making, hurry, cancelExpiry: () => {} };
  warm.current = mine;
  mine.cancelExpiry = ctx.after(ctx.timings.warmMs, () => ctx.background("ending a warm VM", drop(ctx, mine)));
  ctx.background("making a warm VM", making);
}

/** The template does not depend on what a guest's network denies. */
function isSame(one: WarmKind, other: WarmKind): boolean {
  const isOfKind = one.key === other.key && one.ephemeral === other.ephemeral;
  return isOfKind && reachesSame(one.spec.network, other.spec.network);
}

/** Takes the warm VM for a VM of that kind; waits for one that is being made. Null: there is none. */
export async function takeWarm(ctx: TemplatesContext, kind: WarmKind): Promise<WarmVm | null> {
  const { current } = ctx.warm;
  // a larger disk than the template's would have to grow first
  if (!current || !isSame(current.kind, kind) || current.kind.spec.diskBytes !== kind.spec.diskBytes) return null;
  ctx.warm.current = null;
  current.cancelExpiry();
  current.hurry.abort();
  return current.ready;
}

/** No VM is warm any more, and none will be. */
export async function retireWarm(ctx: TemplatesContext): Promise<void> {
  ctx.warm.isRetired = true;
  ctx.warm.cancelMaking();
  await drop(ctx, ctx.warm.current);
}

/** It shares its memory with the template, so damage to the one is damage to the other. */
export async function dropWarmOf(ctx: TemplatesContext, key: Digest): Promise<void> {
  const { current } = ctx.warm;
  if (current?.kind.key === key) await drop(ctx, current);
}

async function drop(ctx: TemplatesContext, which: WarmPool["current"]): Promise<void> {
  if (!which || ctx.warm.current !== which) return;
  ctx.warm.current = null;
  await endCurrent(ctx, which);
}

async function endCurrent(ctx: TemplatesContext, which: WarmPool["current"]): Promise<void> {
  if (!which) return;
  which.cancelExpiry();
  which.hurry.abort();
  const made = await which.ready;
  await made?.vm.end().catch((error: unknown) => ctx.log.warn("ending a warm VM failed", { error: String(error) }));
}

/** @throws what restoring throws; nothing is left then */
async function makeWarm(ctx: TemplatesContext, kind: WarmKind, hurry: AbortSignal): Promise<WarmVm | null> {
  const template = templateByKey(ctx, kind.key);
  if (!template || (await changedPart(ctx, template)) !== null) return null;
  const artifacts = await prepareArtifacts(ctx, kind.spec);
  const vm = await restore(ctx, kind, template, { artifacts, probe: await usableVmm(ctx, kind.spec) });
  try {
    await reachAndPause(ctx, vm, kind, hurry);
    // nothing writes to its disk from here on
    const [diskStamp = null] = await ctx.files.changeStamps([vm.files.disk]);
    return { ...kind, kind: "warm", vm, what: `template ${shortKey(kind.key)}`, save: template.save, diskStamp };
  } catch (error) {
    await ctx.unlessReleased();
    await vm.end();
    throw error;
  }
}

function restore(
  ctx: TemplatesContext,
  { spec, ephemeral }: WarmKind,
  { key, facts, save }: TemplateRecord,
  { artifacts, probe }: { artifacts: ReadyArtifacts; probe: UsableProbe },
): Promise<UnlistedVm> {
  const { image, initramfs } = artifacts;
  const from = ctx.paths.template(key);
  return startUnlisted(ctx, {
    name: "a warm VM",
    spec,
    probe,
    makeFiles: (files) => ctx.copySparse(from.disk, files.disk, facts.diskBytes),
    launch: ({ id, net }) => {
      const devices = bootSpec(ctx.paths, { vm: { id, spec, ephemeral }, image, initramfs, net: net?.device ?? null });
      return ctx.drivers.named(spec.vmm.driver).restore(saveOf(save, from), devices, new AbortController().signal);
    },
  });
}

/** Reaches the agent and rehearses the next steps, so that their memory pages and the connection are ready. */
async function reachAndPause(
  ctx: TemplatesContext,
  { running, session, net }: UnlistedVm,
  { spec }: WarmKind,
  hurry: AbortSignal,
): Promise<void> {
  const late = () => fail("AGENT_UNREACHABLE", { name: "a warm VM", reason: "no answer in time" });
  await running.resume();
  const limit = ctx.timings.restoredAgentMs;
  const client = await withLimit(ctx, session.client(limit), limit, late);
  await rehearse(ctx, { client, spec, network: net?.identity ?? null }, hurry);
  await running.pause();
}
