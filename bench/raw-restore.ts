/**
 * The floor of a VM that begins from a template: the same QEMU started by hand, the same template loaded, and the first
 * command run by its agent. Nothing of it is banger's: no cage, no record, no identity, no CLI.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Deferred } from "../src/base/async.ts";
import type { ByteStream } from "../src/base/bytes.ts";
import { connectUnix, listenUnix } from "../src/host/net/socket.ts";
import type { Phase } from "../src/model/event.ts";
import { savedPaths } from "../src/model/paths.ts";
import { loadState } from "../src/vmm/qemu/restore.ts";
import { connectAgent } from "../src/wire/agent/client.ts";
import { connectQmp, type Qmp } from "../src/wire/qmp/client.ts";
import type { Home } from "../test/e2e/home.ts";
import { endRaw, execRaw, layOut, type RawVm, type Recipe, recipeOf, spawnRaw } from "./raw-vm.ts";

export type SavedRecipe = Recipe & { /** path of the devices' state */ state: string };

/** Of the one VM that runs, which has to be a template's. */
export function savedRecipeOf(home: Home): SavedRecipe {
  const recipe = recipeOf(home);
  const memory = recipe.vmm.map((word) => /^memory-backend-file,.*mem-path=([^,]+)/.exec(word)?.[1]).find(Boolean);
  if (memory === undefined || !recipe.vmm.includes("-incoming")) throw new Error("the VM is no restored one");
  const { disk, state } = savedPaths(dirname(memory));
  return { ...recipe, disk, state };
}

/** `readyMs` counts from nothing, not even a folder, to the end of the guest's first command; `phases` are its parts. */
export type RestoredRaw = RawVm & { phases: Phase[] };

export async function restoreRaw(recipe: SavedRecipe, folder: string): Promise<RestoredRaw> {
  const begun = performance.now();
  const laps: Phase[] = [];
  const lap = (name: string) => {
    const before = laps.reduce((sum, { ms }) => sum + ms, 0);
    laps.push({ name, ms: performance.now() - begun - before });
  };
  await layOut(recipe, folder);
  lap("disk and network");
  const { qemu, qmp } = await startWaiting(recipe, folder);
  await loadState(qmp, readFileSync(recipe.state));
  lap("VMM start and state load");
  await qmp.execute("cont");
  const line = await connectUnix(join(folder, "agent.sock"));
  const agent = await connectAgent(line, { resync: true, timeoutMs: 60_000 });
  lap("agent answers");
  if ((await execRaw(agent, ["true"])) !== 0) throw new Error("true failed in a raw VM");
  lap("exec");
  const readyMs = performance.now() - begun;
  const end = () => endRaw(qemu, agent, folder).finally(() => qmp.close());
  return { agent, readyMs, phases: laps, end };
}

/** QEMU, set up and waiting for a state: it connects to us then. */
async function startWaiting(recipe: SavedRecipe, folder: string): Promise<{ qemu: Bun.Subprocess; qmp: Qmp }> {
  const connected = new Deferred<ByteStream>();
  const listener = await listenUnix(join(folder, "boot.sock"), { mode: 0o600 }, connected.resolve);
  const qemu = spawnRaw(recipe, folder);
  const ended = qemu.exited.then((status) => {
    throw new Error(`a raw QEMU ended with ${status}`);
  });
  ended.catch(() => {});
  try {
    return { qemu, qmp: await connectQmp(await Promise.race([connected.promise, ended])) };
  } finally {
    await listener.close();
  }
}
