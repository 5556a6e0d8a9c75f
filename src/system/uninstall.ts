/** `banger system uninstall`: removes everything that an install put in place. Each step can be done again, so a second uninstall finishes one that was killed. */
import { fail, toBangerError } from "../base/errors/error.ts";
import { exists, removeTree, writeAtomic } from "../host/files/files.ts";
import { lookAt, placeFolder, removeIfEmpty, removePlaced } from "../host/files/placed.ts";
import { programs, units } from "./plan.ts";
import { requireRoot } from "./requirements.ts";
import { stopUnits } from "./services.ts";
import { mustSucceed } from "./succeed.ts";
import { daemonUnit } from "./units.ts";
import type { SystemWorld } from "./world.ts";

export type UninstallRequest = {
  /** also the VMs, images and kernels of the service */
  purge: boolean;
};

export type UninstallReport = {
  /** what was there and is gone */
  removed: string[];
  /** the service's data that stays; null without any */
  kept: string | null;
};

/**
 * VMs that still run are ended without asking their guests: who wants them stopped does that before.
 * @throws SYSTEM_NEEDS_ROOT, SYSTEM_NOT_INSTALLED, SYSTEM_STEP_FAILED naming everything that could not be removed
 */
export async function uninstall(world: SystemWorld, { purge }: UninstallRequest): Promise<UninstallReport> {
  requireRootFor(world, { purge });
  const { paths, data } = world;
  const dataFolders = [data.state, data.cache, data.runtime, paths.helperRuntime];
  const ours = [...installed(world), ...(purge ? dataFolders : [])];
  const before = await present(ours);
  if (before.length === 0) throw fail("SYSTEM_NOT_INSTALLED", {});
  const failures = await removeAll(world, purge ? dataFolders : []);
  if (failures.length > 0) {
    const after = "everything else was removed; run the same command again";
    throw fail("SYSTEM_STEP_FAILED", { step: "not everything could be removed", reason: failures.join(", "), after });
  }
  const [kept = null] = await present([data.state, data.cache]);
  return { removed: before, kept };
}

/** As `uninstall` requires it: for who asks questions or stops VMs before. @throws SYSTEM_NEEDS_ROOT */
export function requireRootFor(world: Pick<SystemWorld, "uid">, { purge }: UninstallRequest): void {
  requireRoot(world, "removing the service", `system uninstall${purge ? " --purge" : ""}`);
}

/** Paths that only an install makes. */
function installed({ paths }: SystemWorld): string[] {
  const unitPaths = units.flatMap((name) => [paths.wanted(name), paths.unit(name)]);
  return [...unitPaths, paths.programs, paths.metadata, paths.installJournal];
}

async function present(all: readonly string[]): Promise<string[]> {
  const found = await Promise.all(all.map((path) => exists(path)));
  return all.filter((_, at) => found[at]);
}

/** The metadata last: they say that there is something to remove. @returns what failed */
async function removeAll(world: SystemWorld, dataFolders: readonly string[]): Promise<string[]> {
  const { paths, exec } = world;
  const failures: string[] = [];
  const attempt = async (what: string, act: () => Promise<unknown>) => {
    world.before(what);
    await act().catch((error: unknown) => void failures.push(`${what} (${toBangerError(error).message})`));
  };
  await attempt("stop the services", () => stopAll(world));
  await attempt("remove the network", () => removeNetwork(world));
  for (const name of units) {
    await attempt(paths.wanted(name), () => removePlaced(paths.wanted(name)));
    await attempt(paths.unit(name), () => removePlaced(paths.unit(name)));
  }
  await attempt("have systemd forget the units", async () => {
    await exec(["systemctl", "daemon-reload"]);
    await exec(["systemctl", "reset-failed", ...units]);
  });
  for (const name of programs) await attempt(paths.command(name), () => removeOwnLink(world, name));
  await attempt(paths.programs, () => removeTree(paths.programs));
  // rm(1) is safe in folders where another user may exchange what is being removed
  if (dataFolders.length > 0) await attempt(dataFolders.join(", "), () => removeData(world, dataFolders));
  if (failures.length > 0) return failures;
  await attempt(paths.settings, async () => {
    await removePlaced(paths.installJournal);
    await removePlaced(paths.metadata);
    await removeIfEmpty(paths.settings);
  });
  return failures;
}

/** With everything in the daemon's control group: `KillMode=process` leaves VMMs running, which is right at a restart only. */
async function stopAll(world: SystemWorld): Promise<void> {
  const { paths, exec } = world;
  if ((await present(units.map((name) => paths.unit(name)))).length === 0) return;
  const folder = paths.stopDropIn.slice(0, paths.stopDropIn.lastIndexOf("/"));
  await placeFolder(folder, 0o755);
  await writeAtomic(paths.stopDropIn, "[Service]\nKillMode=control-group\nTimeoutStopSec=20s\n", 0o644);
  try {
    await exec(["systemctl", "daemon-reload"]);
    await stopUnits(world, units);
    // VMMs of a daemon that had failed before, whose unit has nothing left to stop
    await exec(["systemctl", "kill", "--signal=SIGKILL", daemonUnit]);
  } finally {
    await removePlaced(paths.stopDropIn);
    await removeIfEmpty(folder);
  }
}

/** The helper knows what it made; without its program there is nobody who does. */
async function removeNetwork({ paths, exec }: SystemWorld): Promise<void> {
  const program = `${paths.current}/bangerd`;
  if (!(await exists(program))) return;
  mustSucceed("bangerd root-helper remove-network", await exec([program, "root-helper", "remove-network"]));
}

async function removeOwnLink({ paths }: SystemWorld, name: string): Promise<void> {
  const found = await lookAt(paths.command(name), 0);
  if (found.kind === "link" && found.target.startsWith("../lib/banger/")) await removePlaced(paths.command(name));
}

async function removeData({ exec }: SystemWorld, folders: readonly string[]): Promise<void> {
  mustSucceed("rm", await exec(["rm", "-rf", "--one-file-system", "--", ...folders], { timeoutMs: 600_000 }));
}
