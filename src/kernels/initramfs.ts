/** The initramfs of a VM: the guest agent and the few modules it needs first. Made once per kernel and agent. */
import { createHash } from "node:crypto";
import type { ArtifactDeps } from "../artifacts/deps.ts";
import type { VerifiedFiles } from "../artifacts/verified.ts";
import { fail } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { type CpioEntry, encodeCpio } from "../formats/cpio.ts";
import {
  ensureFolder,
  exists,
  isDiskFull,
  readBytes,
  readText,
  readTextIfAny,
  sizeOf,
  writeAtomic,
} from "../host/files/files.ts";
import type { KernelRecord } from "../model/artifact.ts";

/** Version of the layout: raise it when the same agent and kernel are assembled differently. */
const layout = "2";
const maxAgent = 16 * 1024 * 1024;
const maxModule = 64 * 1024 * 1024;
const maxList = 64 * 1024;

export type InitramfsDeps = Pick<ArtifactDeps, "paths"> & {
  /** files that this process made or verified */
  verified: VerifiedFiles;
  /** Called before an initramfs is made from a kernel's modules. @throws KERNEL_DAMAGED */
  requireWhole(kernel: KernelRecord): Promise<void>;
};

/** @param agent path of `banger-vsock-agent` @returns the file's path @throws KERNEL_UNUSABLE, KERNEL_DAMAGED, FILE_INVALID, DISK_FULL */
export async function ensureInitramfs(
  deps: InitramfsDeps,
  { kernel, agent }: { kernel: KernelRecord; agent: string },
): Promise<string> {
  const program = await readAgent(agent);
  const path = deps.paths.initramfs(keyOf(kernel, program));
  if (await deps.verified.isTrusted(path)) return path;
  const content = encodeCpio(await entriesOf(deps, kernel, program));
  try {
    await ensureFolder(deps.paths.initramfsFolder);
    if (!(await hasContent(path, content))) {
      await deps.requireWhole(kernel);
      await writeAtomic(path, content);
    }
    await deps.verified.trust(path);
  } catch (error) {
    throw isDiskFull(error) ? fail("DISK_FULL", { path, during: "making an initramfs" }, error) : error;
  }
  return path;
}

/** An initramfs is named by its inputs, not by its content: an altered one is made again. */
async function hasContent(path: string, content: Uint8Array): Promise<boolean> {
  if (!(await exists(path)) || (await sizeOf(path)) !== content.length) return false;
  return Buffer.compare(await readBytes(path, content.length), content) === 0;
}

async function readAgent(path: string): Promise<Uint8Array> {
  if (await exists(path)) return readBytes(path, maxAgent);
  throw fail("FILE_INVALID", { path, problem: "the guest's agent is missing", next: "install banger again" });
}

function keyOf(kernel: KernelRecord, program: Uint8Array): Digest {
  const hash = createHash("sha256").update(`${layout} ${kernel.digest} `).update(program);
  return `sha256:${hash.digest("hex")}` as Digest;
}

async function entriesOf(deps: InitramfsDeps, kernel: KernelRecord, program: Uint8Array): Promise<CpioEntry[]> {
  const folder = deps.paths.kernel(kernel.digest).bootModules;
  const always = namesIn(await readText(`${folder}/modules.list`));
  // kernels that earlier versions stored don't have it
  const withVsock = namesIn((await readTextIfAny(`${folder}/vsock.list`, maxList)) ?? "");
  const names = [...always, ...withVsock];
  const bad = names.find((name) => !/^[\w.+-]+\.ko$/.test(name));
  if (bad !== undefined)
    throw fail("KERNEL_UNUSABLE", { name: kernel.name, problem: "its list of modules is damaged" });
  const modules = names.map(async (name): Promise<CpioEntry> => {
    const content = await readBytes(`${folder}/${name}`, maxModule);
    return { name: `modules/${name}`, kind: "file", mode: 0o644, content };
  });
  const folders = ["dev", "proc", "sys", "run", "root", "modules"];
  return [
    ...folders.map((name): CpioEntry => ({ name, kind: "folder", mode: 0o755 })),
    { name: "dev/console", kind: "device", mode: 0o600, major: 5, minor: 1 },
    { name: "init", kind: "file", mode: 0o755, content: program },
    listFile("modules.list", always),
    listFile("vsock.list", withVsock),
    ...(await Promise.all(modules)),
  ];
}

function namesIn(list: string): string[] {
  return list.split("\n").filter((line) => line !== "");
}

function listFile(name: string, modules: readonly string[]): CpioEntry {
  const text = modules.map((module) => `/modules/${module}\n`).join("");
  return { name, kind: "file", mode: 0o644, content: new TextEncoder().encode(text) };
}
