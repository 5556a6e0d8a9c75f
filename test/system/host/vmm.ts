/** The VMMs of a test host, as processes of this host: where an attacker's system calls can be made in them. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type Vmm = {
  /** as this host counts */
  pid: number;
  /** of its TAP interface */
  tap: number;
  sockets: number[];
};

/** @param id of the VM @throws when no VMM of it runs */
export function vmmOf(id: string): Vmm {
  const pid = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((one) => read(`/proc/${one}/cmdline`).startsWith(`/usr/bin/qemu-system-x86_64\0-name\0banger-${id}\0`));
  if (pid === undefined) throw new Error(`no VMM of ${id} runs`);
  const descriptors = readdirSync(`/proc/${pid}/fd`).map(Number);
  const tap = descriptors.find((one) => read(`/proc/${pid}/fdinfo/${one}`).includes("iff:\tbgr-"));
  if (tap === undefined) throw new Error(`the VMM of ${id} has no TAP interface`);
  const sockets = descriptors.filter((one) => readlinkSync(`/proc/${pid}/fd/${one}`).startsWith("socket:"));
  return { pid, tap, sockets };
}

/** Empty when the process has gone. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
