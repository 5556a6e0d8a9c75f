/** Facts about this host, as one record for decisions. */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import * as os from "node:os";
import { userName } from "./user.ts";

export type HostFacts = {
  cpus: number;
  memoryBytes: number;
  home: string;
  uid: number;
  gid: number;
  user: string;
  /** `uname -r` */
  kernel: string;
  /** Node's name for it: `x64` */
  arch: string;
  env: Record<string, string | undefined>;
};

export async function hostFacts(): Promise<HostFacts> {
  return {
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    home: process.env["HOME"] || os.homedir(),
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    user: userName(),
    kernel: os.release(),
    arch: process.arch,
    env: process.env,
  };
}

/** Memory that programs can take without swapping, in bytes; 0 when the kernel does not report it. proc(5), /proc/meminfo. */
export function availableMemory(): number {
  const [, kib = "0"] = /^MemAvailable:\s*(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
  return Number(kib) * 1024;
}

/** Full path of a program, looked for in PATH and then in the sbin folders; null when there is none. */
export async function which(program: string, path = process.env["PATH"] ?? ""): Promise<string | null> {
  const folders = [...path.split(":"), "/usr/sbin", "/sbin"].filter((folder) => folder.startsWith("/"));
  return folders.map((folder) => `${folder}/${program}`).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
