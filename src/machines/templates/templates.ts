/** Templates: found for a VM, made if there is none, removed when they take too much space or are useless. */
import { isError, toBangerError } from "../../base/errors/error.ts";
import type { Digest, VmId } from "../../base/names.ts";
import type { Emit } from "../../model/event.ts";
import type { TemplateRecord } from "../../model/save.ts";
import type { VmSpec } from "../../model/vm.ts";
import type { NetDevice } from "../../vmm/driver.ts";
import { bootSpec } from "../guest/boot-spec.ts";
import { networkKind } from "../guest/network.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import type { ReadyArtifacts } from "../images/artifacts.ts";
import { whyNoTemplates } from "./confinement.ts";
import type { TemplatesContext } from "./context.ts";
import { tooMuch } from "./evict.ts";
import { isSuccessor, shortKey, templateFacts, templateKey } from "./key.ts";
import { makeTemplate, otherNetwork } from "./make.ts";
import { templateByKey } from "./records.ts";
import { changedPart } from "./stamps.ts";
import { coldBoot, type SavedSource, type StartSource, saveOf } from "./start-source.ts";
import { dropWarmOf } from "./warm.ts";

/** Devices are looked at for what they are, not for where their files are. */
const anyVm = "template" as VmId;

/** A guest whose memory file has no room ends for that reason, whatever its VMM says. In bytes. */
const scarce = 64 * 1024 ** 2;

/** What could not be made is not tried with every VM, but again: the reason may have passed. */
const brokenMs = 10 * 60_000;

function brokenFor(ctx: TemplatesContext, key: Digest): string | null {
  const { why, until } = ctx.templates.broken.get(key) ?? { why: "", until: 0 };
  return ctx.clock.now() < until ? why : null;
}

export type Wanted = {
  spec: VmSpec;
  artifacts: ReadyArtifacts;
  /** its VMM, as it was found when the job began */
  probe: UsableProbe;
};

export type TemplateUse = {
  /** keeps the template's files until it is disposed of, when the VM runs or will not */
  templateFiles: DisposableStack;
  emit: Emit;
  signal: AbortSignal;
};

/** What a new VM starts from: its template, made if needed; if there can't be one, a cold boot with the reason. */
export async function templateSource(
  ctx: TemplatesContext,
  wanted: Wanted,
  { templateFiles, emit, signal }: TemplateUse,
): Promise<StartSource> {
  const why = await whyNoTemplates(ctx, wanted.probe);
  if (why !== null) return coldBoot(why);
  const key = await keyOf(ctx, wanted);
  const broken = brokenFor(ctx, key);
  if (broken !== null) {
    emit({ kind: "note", level: "info", text: `booting, because there is no template: ${broken}` });
    return coldBoot(`no template: ${broken}`);
  }
  try {
    await dropSpoiled(ctx, key, emit);
    const template = await ensureTemplate(ctx, key, wanted, emit, signal);
    templateFiles.use(ctx.templates.files.use(key));
    dropPassing(ctx, key);
    return sourceFrom(ctx, template);
  } catch (error) {
    // a boot would meet the same
    if (signal.aborted || isError(error, "IMAGE_DAMAGED") || isError(error, "KERNEL_DAMAGED")) throw error;
    const hasOtherNetwork = isError(error, "NETWORK_FAILED") && (await keyOf(ctx, wanted).catch(() => key)) !== key;
    if (hasOtherNetwork) return templateSource(ctx, wanted, { templateFiles, emit, signal });
    const why = toBangerError(error).message;
    // room can be made at any time, and the next network may be as it should be
    const isPassing = isError(error, "DISK_FULL") || isError(error, "NETWORK_FAILED") || (await isScarce(ctx));
    if (!isPassing) ctx.templates.broken.set(key, { why, until: ctx.clock.now() + brokenMs });
    emit({ kind: "note", level: "warn", text: `a template could not be made, so VMs boot cold: ${why}` });
    return coldBoot(`no template: ${why}`);
  }
}

async function isScarce(ctx: TemplatesContext): Promise<boolean> {
  return (await ctx.files.freeBytes(ctx.paths.vms)) < scarce;
}

/** How often a template may turn out to be no use before none is made for a while. */
const mostFailures = 2;

/**
 * It could not be restored, so it goes, unless another one took its place meanwhile; told to the user. A VM whose devices turned
 * out to be others, as its network may once, says nothing of the template; two in a row do.
 */
export function blameTemplate(
  ctx: TemplatesContext,
  key: Digest,
  { save, what }: Pick<SavedSource, "save" | "what">,
  error: unknown,
  emit: Emit,
): void {
  const why = toBangerError(error).message;
  const failures = (ctx.templates.failures.get(key) ?? 0) + 1;
  ctx.templates.failures.set(key, failures);
  if (isError(error, "SAVE_OTHER_DEVICES") && failures < mostFailures) return;
  emit({ kind: "note", level: "warn", text: `${what} is thrown away, it can't be restored: ${why}` });
  if (failures >= mostFailures) ctx.templates.broken.set(key, { why, until: ctx.clock.now() + brokenMs });
  const now = templateByKey(ctx, key);
  if (now && now.save["memoryStamp"] === save.record["memoryStamp"])
    dropTemplate(ctx, key, `it could not be restored: ${why}`);
}

/** A VMM that was taken over by its guest might have written to its template, or anyone to what it stands on. */
async function dropSpoiled(ctx: TemplatesContext, key: Digest, emit: Emit): Promise<void> {
  const known = templateByKey(ctx, key);
  const changed = known && (await changedPart(ctx, known));
  if (!changed) return;
  const why = `${changed} is not what was saved`;
  emit({ kind: "note", level: "warn", text: `template ${shortKey(key)} is thrown away: ${why}` });
  dropTemplate(ctx, key, why);
}

export async function keyOf(ctx: TemplatesContext, wanted: Wanted): Promise<Digest> {
  return keyWith(ctx, wanted, await networkKind(ctx, wanted.spec, wanted.probe));
}

async function keyWith(
  ctx: TemplatesContext,
  { spec, artifacts, probe }: Wanted,
  network: NetDevice["kind"] | null,
): Promise<Digest> {
  const { driver, version, accel } = probe;
  const { image, initramfs } = artifacts;
  return templateKey({
    image,
    kernel: spec.kernel.digest,
    initramfs: initramfs.slice(initramfs.lastIndexOf("/") + 1),
    vmm: { driver, version, accel, cpu: accel === "kvm" ? await ctx.hostCpu(spec.nested === true) : "" },
    spec,
    network: network ?? "none",
    devices: bootSpec(ctx.paths, { vm: { id: anyVm, spec, ephemeral: true }, image, initramfs, net: null }),
  });
}

function sourceFrom(ctx: TemplatesContext, { key, facts, save }: TemplateRecord): SavedSource {
  const files = ctx.paths.template(key);
  const disk = { path: files.disk, bytes: facts.diskBytes };
  return {
    kind: "save",
    save: saveOf(save, files),
    disk,
    what: `template ${shortKey(key)}`,
    template: key,
    sameMachine: false,
  };
}

/** Concurrent callers for the same key share one boot. */
export async function ensureTemplate(
  ctx: TemplatesContext,
  key: Digest,
  wanted: Wanted,
  emit: Emit,
  signal: AbortSignal,
): Promise<TemplateRecord> {
  const known = templateByKey(ctx, key);
  if (known) return known;
  return ctx.templates.making.run(key, signal, async (shared) => {
    const facts = templateFacts({ spec: wanted.spec, vmm: wanted.probe });
    const network = await networkKind(ctx, wanted.spec, wanted.probe);
    // the key is of a network that has changed meanwhile
    if ((await keyWith(ctx, wanted, network)) !== key) throw otherNetwork();
    const { save, late } = await makeTemplate(ctx, { ...wanted, key, facts, network }, emit, shared);
    const now = ctx.clock.now();
    const bytes = await ctx.files.usedBytes(ctx.paths.template(key).directory);
    const made: TemplateRecord = { key, facts, save, bytes, createdAt: now, lastUsedAt: now, uses: 0 };
    if (noteLate(ctx, key, late, emit)) ctx.templates.fresh.set(key, made);
    else keepTemplate(ctx, made);
    return made;
  });
}

/** @returns whether it is for the starts that wait for it alone */
function noteLate(ctx: TemplatesContext, key: Digest, late: string | null, emit: Emit): boolean {
  const isPassing = late !== null && !ctx.templates.late.has(key);
  if (late === null) ctx.templates.late.delete(key);
  else ctx.templates.late.set(key, { isPassing });
  const then = isPassing
    ? "this template is used once, and made anew for the next VM"
    : "the template is kept as it is";
  if (late !== null) emit({ kind: "note", level: "warn", text: `${late}: ${then}` });
  return isPassing;
}

/** A start that uses it has begun: no later one will. @returns whether it was for that start alone */
export function dropPassing(ctx: TemplatesContext, key: Digest): boolean {
  if (!ctx.templates.late.get(key)?.isPassing) return false;
  ctx.templates.late.set(key, { isPassing: false });
  dropTemplate(ctx, key, "its services were late");
  return true;
}

/** It is used at once, and recorded when its files are durable. */
function keepTemplate(ctx: TemplatesContext, made: TemplateRecord): void {
  const { key } = made;
  ctx.templates.fresh.set(key, made);
  const files = ctx.paths.template(key);
  const durable = ctx.files.makeDurable([files.memory, files.state, files.disk]).catch(async (error: unknown) => {
    if (ctx.templates.fresh.get(key) === made) await removeTemplate(ctx, key, "it can't be kept");
    throw error;
  });
  const noting = durable.then(async () => {
    // removed meanwhile
    if (ctx.templates.fresh.get(key) !== made) return;
    ctx.templates.fresh.delete(key);
    const older = ctx.store.templates.all().filter(({ facts }) => isSuccessor(made.facts, facts));
    ctx.store.templates.put(made);
    for (const one of older) if (one.key !== key) await removeTemplate(ctx, one.key, `${shortKey(key)} took its place`);
    await evictTemplates(ctx);
  });
  ctx.background(`keeping template ${shortKey(key)}`, noting);
}

async function evictTemplates(ctx: TemplatesContext): Promise<void> {
  for (const { key } of tooMuch(ctx.store.templates.all(), await ctx.templateLimit()))
    await removeTemplate(ctx, key, "templates take too much room");
}

/**
 * No VM starts from it any more; its files are removed once the starts that use them are done. VMs that started from it keep
 * running: they have its memory file open. A start must not await this: it may be what this waits for.
 */
export function removeTemplate(ctx: TemplatesContext, key: Digest, why: string): Promise<void> {
  ctx.log.info("removing a template", { key: shortKey(key), why });
  ctx.templates.fresh.delete(key);
  ctx.store.templates.remove(key);
  const warmGone = dropWarmOf(ctx, key);
  return ctx.templates.files.remove(key, async () => {
    await warmGone;
    await ctx.files.removeTree(ctx.paths.template(key).directory);
  });
}

/** The same in the background, for a start. */
function dropTemplate(ctx: TemplatesContext, key: Digest, why: string): void {
  ctx.background(`removing template ${shortKey(key)}`, removeTemplate(ctx, key, why));
}

/** Removes templates whose image or kernel is gone, and folders that no record knows. */
export async function tidyTemplates(ctx: TemplatesContext): Promise<void> {
  for (const { key, facts } of ctx.store.templates.all()) {
    const isUsable =
      ctx.store.images.byDigest(facts.image.digest) !== null &&
      ctx.store.kernels.byDigest(facts.kernel.digest) !== null;
    if (!isUsable) await removeTemplate(ctx, key, "its image or kernel is gone");
  }
}
