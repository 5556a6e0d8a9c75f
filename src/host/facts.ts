/** What decisions need to know about this host, as one record. */
import { accessSync, constants, statSync } from "node:fs";
import * as os from "node:os";

export type HostFacts = {
  cpus: number;
  memoryBytes: number;
  home: string;
  uid: number;
  gid: number;
  user: string;
  /** `uname -r` */
  kernel: string;
  /** as Node names it: `x64` */
  arch: string;
  env: Record<string, string | undefined>;
};

export async function hostFacts(): Promise<HostFacts> {
  const user = userName();
  return {
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    home: process.env["HOME"] || os.homedir(),
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    user,
    kernel: os.release(),
    arch: process.arch,
    env: process.env,
  };
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return process.env["USER"] ?? "unknown";
  }
}

/** Full path of a program, looked for in PATH and then where administrators' tools live; null when there is none. */
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
