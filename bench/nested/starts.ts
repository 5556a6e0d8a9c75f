/** How long a VM takes to be there, against its VMM started by hand: restored from a template, and booted. */
import { join } from "node:path";
import type { Digest } from "../../src/base/names.ts";
import { pathsOf, rootlessRoots, type SavedPaths } from "../../src/model/paths.ts";
import type { Home } from "../../test/e2e/home.ts";
import { measureRestored } from "../from-template.ts";
import { type RestoredRaw, restoreRaw, savedRecipeOf } from "../raw-restore.ts";
import { bootRaw, type RawVm, recipeOf } from "../raw-vm.ts";
import { rowOf } from "../stats.ts";
import { say, timed } from "../timing.ts";
import { bootRawFirecracker, bootRecipeOf, loadRecipeOf, restoreRawFirecracker } from "./raw-firecracker.ts";
import { type Bench, besideVm, type Figures, shownNames, vmFlags } from "./vms.ts";

/** Starts one in this folder. */
type Start<T> = (folder: string) => Promise<T>;

export async function restored(bench: Bench): Promise<Figures> {
  const { home, driver, runs } = bench;
  const start = await besideVm(bench, [], () => rawRestore(bench));
  const what = `${shownNames[driver]}: vm run --rm -- true`;
  const row = rowOf({ what, floorWhat: "raw restore, true", reach: { ratio: 1.4 } });
  const restore = () => start(join(home.folder, "raw"));
  const { breakdowns } = await measureRestored(home, { runs, row, restore, flags: vmFlags(bench, driver) });
  return { rows: [row], breakdowns };
}

async function rawRestore({ home, driver }: Bench): Promise<Start<RestoredRaw>> {
  if (driver === "firecracker") {
    const recipe = loadRecipeOf(home, await newestTemplate(home));
    return (folder) => restoreRawFirecracker(recipe, folder);
  }
  const recipe = savedRecipeOf(home);
  return (folder) => restoreRaw(recipe, folder);
}

async function newestTemplate(home: Home): Promise<SavedPaths> {
  const all = await home.json<{ key: Digest; lastUsedAt: number }[]>(["template", "ls"]);
  const [newest] = all.toSorted((a, b) => b.lastUsedAt - a.lastUsedAt);
  if (newest === undefined) throw new Error("there is no template");
  return pathsOf(rootlessRoots({ home: home.folder, env: home.env })).template(newest.key);
}

const how = ["--cold", "--wait=agent"];

export async function cold(bench: Bench): Promise<Figures> {
  const { home, driver, runs } = bench;
  const boot = await besideVm(bench, how, () => rawBoot(bench));
  const what = `${shownNames[driver]}: vm run --rm ${how.join(" ")} -- true`;
  const row = rowOf({ what, floorWhat: "raw boot, agent answers", reach: { ratio: 1.15 } });
  for (let run = 0; run < runs; run++) {
    const raw = await boot(join(home.folder, "raw"));
    row.floor.push(raw.readyMs);
    await raw.end();
    row.ours.push(await timed(() => home.ok(["vm", "run", "--rm", ...how, ...vmFlags(bench, driver), "--", "true"])));
    say(row);
  }
  return { rows: [row], breakdowns: [] };
}

async function rawBoot({ home, driver }: Bench): Promise<Start<RawVm>> {
  if (driver === "firecracker") {
    const recipe = await bootRecipeOf(home);
    return (folder) => bootRawFirecracker(recipe, folder);
  }
  const recipe = recipeOf(home);
  return (folder) => bootRaw(recipe, folder);
}
