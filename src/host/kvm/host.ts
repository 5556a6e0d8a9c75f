/** What has to be known about a host on which KVM can't be used, to say what to do. */
import * as fs from "node:fs";
import * as os from "node:os";
import { userName } from "../user.ts";
import type { KvmDevice, KvmHost } from "./judge.ts";

export function kvmHost(): KvmHost {
  const user = userName();
  return {
    user,
    isRoot: process.getuid?.() === 0,
    distribution: /^ID="?([\w.-]+)"?$/m.exec(read("/etc/os-release"))?.[1] ?? "",
    container: container(),
    isWsl: /microsoft/i.test(os.release()),
    hasModule: ["kvm_intel", "kvm_amd"].some((name) => fs.existsSync(`/sys/module/${name}`)),
    device: deviceOf(user),
  };
}

/** The container's own word for itself: systemd's container interface, docker's and podman's files. */
function container(): string | null {
  const named = read("/run/systemd/container").trim();
  if (/^[\w.-]{1,32}$/.test(named)) return named;
  if (fs.existsSync("/.dockerenv")) return "docker";
  return fs.existsSync("/run/.containerenv") ? "podman" : null;
}

/** misc devices have major number 10; KVM_MINOR of linux/miscdevice.h */
const udevTag = "/run/udev/tags/uaccess/c10:232";

function deviceOf(user: string): KvmDevice | null {
  const stat = fs.statSync("/dev/kvm", { throwIfNoEntry: false });
  if (!stat) return null;
  const entry = groupEntry(read("/etc/group"), stat.gid);
  const isMember = process.getgroups?.().includes(stat.gid) || process.getegid?.() === stat.gid;
  return {
    group: entry?.name ?? String(stat.gid),
    isForGroup: (stat.mode & 0o060) === 0o060,
    isForSeat: fs.existsSync(udevTag),
    membership: isMember ? "process" : entry?.members.includes(user) ? "account" : "none",
  };
}

/** A line of group(5). */
export function groupEntry(groups: string, gid: number): { name: string; members: string[] } | null {
  for (const line of groups.split("\n")) {
    const [name = "", , id, members = ""] = line.split(":");
    if (id === String(gid)) return { name, members: members.split(",") };
  }
  return null;
}

/** Empty when it can't be read. */
function read(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
