/** What no row knows is garbage: folders of VMs that are gone, unfinished files. */
import { isVmId } from "../base/names.ts";
import type { VmRecord } from "../model/vm.ts";
import type { Context } from "./context.ts";

/** Run once, before anything is served: nobody makes files meanwhile. */
export async function sweep(ctx: Context): Promise<void> {
  const folders = await ctx.files.listFolder(ctx.paths.vms);
  const strays = folders.filter((name) => !isVmId(name) || ctx.store.vms.byId(name) === null);
  await Promise.all(strays.map((name) => removeFolder(ctx, `${ctx.paths.vms}/${name}`)));
  await Promise.all(ctx.store.vms.all().map((vm) => sweepVm(ctx, vm)));
  const templates = new Set(ctx.store.templates.all().map(({ key }) => ctx.paths.template(key).directory));
  await sweepSaves(ctx, ctx.paths.templates, templates);
  const snapshots = new Set(ctx.store.snapshots.all().map(({ id }) => ctx.paths.snapshot(id).directory));
  await sweepSaves(ctx, ctx.paths.snapshots, snapshots);
  await ctx.artifacts.removeUnfinished();
}

/** What a VM was suspended as is no use once it went on; a copy of a disk that was cut short never was. */
async function sweepVm(ctx: Context, vm: VmRecord): Promise<void> {
  if (!vm.suspended) await ctx.files.removeTree(ctx.paths.suspended(vm.id).directory);
  for (const ending of ["new", "back"]) await ctx.files.removeTree(`${ctx.paths.vm(vm.id).disk}.${ending}`);
}

async function sweepSaves(ctx: Context, folder: string, known: ReadonlySet<string>): Promise<void> {
  const names = await ctx.files.listFolder(folder);
  const strays = names.map((name) => `${folder}/${name}`).filter((path) => !known.has(path));
  await Promise.all(strays.map((path) => ctx.files.removeTree(path)));
}

async function removeFolder(ctx: Context, folder: string): Promise<void> {
  ctx.log.info("removing what a former daemon left", { folder });
  await ctx.endStrays(folder);
  await ctx.files.removeTree(folder);
}
