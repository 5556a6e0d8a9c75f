/** Removing what no row refers to: folders of deleted VMs, unfinished files. */
import { isVmId, type VmId } from "../../base/names.ts";
import type { VmRecord } from "../../model/vm.ts";
import { attempt, discard } from "../guest/discard.ts";
import { isOverWithin } from "../guest/within.ts";
import type { LifeContext } from "./context.ts";

/**
 * Run once, before anything is served. What can't be removed is noted and skipped; what takes long continues in the background:
 * these names are never used again.
 */
export async function sweep(ctx: LifeContext): Promise<void> {
  const { paths, store } = ctx;
  const templates = new Set(store.templates.all().map(({ key }) => paths.template(key).directory));
  await sweepFolder(ctx, paths.templates, (path) => templates.has(path));
  await Promise.all(store.vms.all().map((vm) => sweepVm(ctx, vm)));
  const snapshots = new Set(store.snapshots.all().map(({ id }) => paths.snapshot(id).directory));
  const rest = Promise.all([
    sweepFolder(ctx, paths.vms, (_path, name) => isVmId(name) && store.vms.byId(name) !== null),
    sweepFolder(ctx, paths.snapshots, (path) => snapshots.has(path)),
    attempt(ctx, "removing unfinished work", () => ctx.artifacts.removeUnfinished()),
  ]);
  ctx.background("sweeping", rest);
  await isOverWithin(ctx, rest, ctx.timings.sweepMs);
}

/** A save is useless once its VM has resumed, and so is an unfinished copy of a disk. */
async function sweepVm(ctx: LifeContext, vm: VmRecord): Promise<void> {
  if (!vm.suspended) await discard(ctx, ctx.paths.suspended(vm.id).directory);
  for (const ending of ["new", "back"]) await discard(ctx, `${ctx.paths.vm(vm.id).disk}.${ending}`);
}

async function sweepFolder(
  ctx: LifeContext,
  folder: string,
  isKept: (path: string, name: string) => boolean,
): Promise<void> {
  const names = await ctx.files.listFolder(folder);
  const strays = names.filter((name) => !isKept(`${folder}/${name}`, name)).map((name) => `${folder}/${name}`);
  await Promise.all(strays.map((path) => removeStray(ctx, path)));
}

async function removeStray(ctx: LifeContext, path: string): Promise<void> {
  ctx.log.info("removing what an earlier daemon left", { path });
  await attempt(ctx, `ending what uses ${path}`, () => ctx.endStrays(path));
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (isVmId(name) && path === ctx.paths.vm(name).directory) await cleanUnlisted(ctx, name);
  await discard(ctx, path);
}

/** What an unlisted VM has besides its folder. */
async function cleanUnlisted(ctx: LifeContext, id: VmId): Promise<void> {
  await attempt(ctx, `removing the network of ${id}`, () => ctx.network.stop(null, ctx.paths.vm(id)));
  ctx.network.forget(id);
  await attempt(ctx, `cleaning up after ${id}`, () => ctx.drivers.clean(ctx.paths.vm(id).directory));
}
