/** The floor of a VM on Firecracker: the program started by hand with what banger gave it, and nothing of banger's around it. */
import { readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { connectUnix } from "../../src/host/net/socket.ts";
import type { Phase } from "../../src/model/event.ts";
import { GuestStream } from "../../src/vmm/firecracker/guest-stream.ts";
import { connectAgent } from "../../src/wire/agent/client.ts";
import type { AgentClient } from "../../src/wire/agent/types.ts";
import { openVsock } from "../../src/wire/firecracker/vsock.ts";
import type { Home } from "../../test/e2e/home.ts";
import type { RestoredRaw } from "../raw-restore.ts";
import { endRaw, execRaw, identified, layOut, type RawVm, type Recipe, recipeOf } from "../raw-vm.ts";

/** `links`: its disks, by the names that it has them under. */
export type FirecrackerRecipe = Recipe & { links: Record<string, string> };
export type BootRecipe = FirecrackerRecipe & { /** what `--config-file` takes */ config: Record<string, unknown> };
export type LoadRecipe = FirecrackerRecipe & { memory: string; state: string };

/** Of the one VM that runs, on Firecracker. */
function linksOf(home: Home): FirecrackerRecipe {
  const recipe = recipeOf(home, "firecracker");
  const names = readdirSync(recipe.folder).filter((name) => /^d\d+$/.test(name));
  return { ...recipe, links: Object.fromEntries(names.map((name) => [name, readlinkSync(join(recipe.folder, name))])) };
}

/** The VM must have booted. */
export async function bootRecipeOf(home: Home): Promise<BootRecipe> {
  const recipe = linksOf(home);
  const unix = join(recipe.folder, "api.sock");
  const all = (await (await fetch("http://localhost/vm/config", { unix })).json()) as Record<string, unknown>;
  const wanted = ["boot-source", "drives", "machine-config", "vsock", "entropy", "balloon"];
  return { ...recipe, config: Object.fromEntries(wanted.map((name) => [name, all[name]])) };
}

/** The VM must have begun from the template whose files are in `template`. */
export function loadRecipeOf(home: Home, template: { disk: string; memory: string; state: string }): LoadRecipe {
  const { memory, state, disk } = template;
  return { ...linksOf(home), memory, state, disk };
}

/** `readyMs` counts from the program's start to a pong of an agent that has its identity. */
export async function bootRawFirecracker(recipe: BootRecipe, folder: string): Promise<RawVm> {
  await layOutAll(recipe, folder);
  writeFileSync(join(folder, "config.json"), JSON.stringify(recipe.config));
  const begun = performance.now();
  const vmm = spawnVmm(recipe, folder, ["--no-api", "--config-file", "config.json"]);
  await socketThere(vmm, join(folder, "v.sock"));
  const agent = await identified(await agentIn(folder));
  return { agent, readyMs: performance.now() - begun, end: () => endRaw(vmm, agent, folder) };
}

/** As `restoreRaw` for QEMU. */
export async function restoreRawFirecracker(recipe: LoadRecipe, folder: string): Promise<RestoredRaw> {
  const begun = performance.now();
  const phases: Phase[] = [];
  const lap = (name: string) =>
    phases.push({ name, ms: performance.now() - begun - phases.reduce((sum, { ms }) => sum + ms, 0) });
  await layOutAll(recipe, folder);
  lap("disk and network");
  const vmm = spawnVmm(recipe, folder, ["--api-sock", "api.sock"]);
  await socketThere(vmm, join(folder, "api.sock"));
  await load(recipe, folder);
  lap("VMM start and state load");
  const agent = await agentIn(folder);
  lap("agent answers");
  if ((await execRaw(agent, ["true"])) !== 0) throw new Error("true failed in a raw VM");
  lap("exec");
  return { agent, phases, readyMs: performance.now() - begun, end: () => endRaw(vmm, agent, folder) };
}

async function layOutAll(recipe: FirecrackerRecipe, folder: string): Promise<void> {
  await layOut(recipe, folder);
  for (const [name, target] of Object.entries(recipe.links))
    symlinkSync(dirname(target) === recipe.folder ? join(folder, "disk.ext4") : target, join(folder, name));
}

function spawnVmm({ vmm }: Recipe, folder: string, args: string[]): Bun.Subprocess {
  const argv = [vmm[0] ?? "", ...args, "--id", "raw", "--level", "Error"];
  return Bun.spawn(argv, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

async function load({ state, memory }: LoadRecipe, folder: string): Promise<void> {
  const body = {
    snapshot_path: state,
    mem_backend: { backend_type: "File", backend_path: memory },
    track_dirty_pages: false,
    resume_vm: true,
  };
  const unix = join(folder, "api.sock");
  const answer = await fetch("http://localhost/snapshot/load", { unix, method: "PUT", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`a raw Firecracker refused to load: ${await answer.text()}`);
}

async function agentIn(folder: string): Promise<AgentClient> {
  const dial = async () => openVsock(await connectUnix(join(folder, "v.sock")), 1024, 10_000);
  const stream = new GuestStream({ dial, running: async () => {} });
  return connectAgent(stream, { resync: false, timeoutMs: 120_000 });
}

async function socketThere(vmm: Bun.Subprocess, path: string): Promise<void> {
  for (;;) {
    try {
      return (await connectUnix(path)).destroy();
    } catch (error) {
      if (vmm.exitCode !== null) throw new Error(`a raw Firecracker ended with ${vmm.exitCode}`, { cause: error });
      await Bun.sleep(1);
    }
  }
}
