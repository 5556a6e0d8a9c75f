/**
 * The floor: QEMU with the very arguments that banger gave it, started by hand, and its agent asked without daemon or CLI.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { connectUnix } from "../src/host/net/socket.ts";
import { connectAgent } from "../src/wire/agent/client.ts";
import type { AgentClient, AgentStream } from "../src/wire/agent/types.ts";
import type { Home } from "../test/e2e/home.ts";
import { until } from "../test/e2e/processes.ts";

/** What a VM of banger runs on, taken from its live processes, to be started again in another folder. */
export type Recipe = {
  folder: string;
  /** command line of the VMM */
  vmm: string[];
  /** what starts passt and ends when QEMU can connect; empty without one */
  network: string[];
  /** what its own disk began as */
  disk: string;
};

/** @param program the VMM's, of which one runs */
export function recipeOf(home: Home, program = "qemu"): Recipe {
  const vmm = home.processOf(program).argv;
  const folder = join(home.folder, "s/banger/vms", readdirOnly(home));
  const bytes = Number(
    /ext4-(\d+)\.img/.exec(Bun.spawnSync(["ls", join(home.folder, "c/banger/disks")]).stdout.toString())?.[1],
  );
  const guard = home.processes().find(({ argv }) => argv[1] === "netguard");
  return {
    folder,
    vmm: vmm.map((word) => withPath(word, folder)),
    network: guard?.argv ?? [],
    disk: join(home.folder, `c/banger/disks/ext4-${bytes}.img`),
  };
}

/** Banger's QEMU inherits its sockets; one that is started by hand finds them by the paths that they have in `folder`. */
function withPath(word: string, folder: string): string {
  const id = /^(?:socket|stream),id=(\w+),/.exec(word)?.[1];
  if (id === undefined) return word;
  return word
    .replace(/,fd=\d+/, `,path=${folder}/${id}.sock`)
    .replace(/,addr\.type=fd,addr\.str=\d+/, `,addr.type=unix,addr.path=${folder}/${id}.sock`);
}

/** A raw VM whose agent answered; `readyMs` counts from QEMU's start to a pong of an agent that has its identity. */
export type RawVm = { agent: AgentClient; readyMs: number; end(): Promise<void> };

export async function bootRaw(recipe: Recipe, folder: string): Promise<RawVm> {
  await layOut(recipe, folder);
  const begun = performance.now();
  const qemu = spawnRaw({ ...recipe, vmm: withoutBootMonitor(recipe.vmm) }, folder);
  const agent = await answeringAgent(join(folder, "agent.sock"));
  const readyMs = performance.now() - begun;
  return { agent, readyMs, end: () => endRaw(qemu, agent, folder) };
}

/** Its folder, disk and network, the latter two side by side. */
export async function layOut({ folder: from, disk, network }: Recipe, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const programs = [["cp", "--sparse=always", disk, join(folder, "disk.ext4")], moved(network, from, folder)];
  const children = programs
    .filter((argv) => argv.length > 0)
    .map((argv) => Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore"] }));
  for (const child of children) if ((await child.exited) !== 0) throw new Error(`laying out ${folder} failed`);
}

export function spawnRaw({ folder: from, vmm }: Recipe, folder: string): Bun.Subprocess {
  return Bun.spawn(moved(vmm, from, folder), {
    stdio: ["ignore", "ignore", "inherit"],
    env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
  });
}

/** Its network ends with it. */
export async function endRaw(vmm: Bun.Subprocess, agent: AgentClient, folder: string): Promise<void> {
  agent.destroy();
  vmm.kill("SIGKILL");
  await vmm.exited;
  rmSync(folder, { recursive: true, force: true });
}

function moved(argv: readonly string[], from: string, to: string): string[] {
  return argv.map((word) => word.replaceAll(from, to));
}

/** Runs a command to its end; its status. */
export async function execRaw(agent: AgentClient, argv: string[]): Promise<number> {
  const stream = await agent.open("exec", { argv });
  let code = -1;
  stream.onData(() => {});
  stream.onEof(() => {});
  stream.onEvent((event) => {
    if (event["event"] === "exit") code = Number(event["code"] ?? 255);
  });
  stream.eof(0);
  await finished(stream);
  return code;
}

/** Sends a tar stream into a folder of the guest. */
export async function putRaw(agent: AgentClient, path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
  const stream = await agent.open("put", { path, create: true });
  stream.onData(() => {});
  stream.onEof(() => {});
  stream.onEvent(() => {});
  for await (const chunk of tar) await stream.write(0, chunk);
  stream.eof(0);
  await finished(stream);
}

async function finished(stream: AgentStream): Promise<void> {
  // Each side closes once; ours is due when the other has nothing more to say.
  await stream.closed;
}

async function answeringAgent(socket: string): Promise<AgentClient> {
  const line = await until("QEMU's agent socket", () => connectUnix(socket).catch(() => null), 30_000);
  return identified(await connectAgent(line, { resync: false, timeoutMs: 120_000 }));
}

/** Gives a guest that boots its identity; resolves with a pong of its agent. */
export async function identified(agent: AgentClient): Promise<AgentClient> {
  if (agent.hello?.phase === "boot") {
    const up = new Promise<void>((resolve) => agent.onNotice((notice) => notice["notice"] === "up" && resolve()));
    const identity = await agent.open("identity", { generation: 1, hostname: "floor" });
    await identity.closed;
    await up;
  }
  await agent.ping();
  return agent;
}

/** QEMU's own arguments: banger's boot monitor connects out to a listener that is not there now. */
function withoutBootMonitor(argv: string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const [word = "", next = ""] = [argv[at], argv[at + 1]];
    const ofBoot =
      (word === "-chardev" && next.includes("id=boot,")) || (word === "-mon" && next.includes("chardev=boot"));
    if (ofBoot) at++;
    else kept.push(word);
  }
  return kept;
}

function readdirOnly(home: Home): string {
  const folders = home.vmFiles().filter((name) => !name.includes("/"));
  if (folders.length !== 1 || !folders[0]) throw new Error(`one VM was expected, there are ${folders.length}`);
  return folders[0];
}
