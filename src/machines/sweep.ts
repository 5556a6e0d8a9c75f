/** What no row knows is garbage: folders of VMs that are gone, unfinished files. */
import { isVmId } from "../base/names.ts";
import type { Context } from "./context.ts";

/** Run once, before anything is served: nobody makes files meanwhile. */
export async function sweep(ctx: Context): Promise<void> {
  const folders = await ctx.files.listFolder(ctx.paths.vms);
  const strays = folders.filter((name) => !isVmId(name) || ctx.store.vms.byId(name) === null);
  await Promise.all(strays.map((name) => removeFolder(ctx, `${ctx.paths.vms}/${name}`)));
  const partial = await ctx.files.listFolder(ctx.paths.partial);
  await Promise.all(
    partial.filter((name) => !isScratch(name)).map((name) => ctx.files.removeTree(`${ctx.paths.partial}/${name}`)),
  );
}

async function removeFolder(ctx: Context, folder: string): Promise<void> {
  ctx.log.info("removing what a former daemon left", { folder });
  await ctx.endStrays(folder);
  await ctx.files.removeTree(folder);
}

/** Folders that a process made for itself bear its pid and start time; the next such process removes dead ones. */
function isScratch(name: string): boolean {
  return /^\d+-\d+-[0-9a-f]+$/.test(name);
}
