/**
 * The control group of a service that systemd delegates: the kernel's cgroup-v2.rst, and systemd's CGROUP_DELEGATION.md. A group that has
 * controllers enabled for its children may have no process of its own, so the daemon moves into a child.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../errno.ts";

/** what each VM gets a share of; the kernel's names */
const controllers = ["memory", "pids", "cpu"];

/** where the hierarchy is mounted, and the process's own line in it */
export type CgroupFacts = { mount: string; self: string };

const hostFacts: CgroupFacts = { mount: "/sys/fs/cgroup", self: "/proc/self/cgroup" };

/** `folder` is the unit's group, below which each VM gets one; else why VMs have no limits, as a clause. */
export type Cgroup = { folder: string } | { why: string };

/** Moves this process into `daemon` below its group, and enables the controllers for the groups beside it. */
export function takeCgroup(pid: number, facts: CgroupFacts = hostFacts): Cgroup {
  const unit = ownGroup(facts);
  if (unit === null) return { why: "this host has no unified control groups (cgroup v2)" };
  try {
    const offered = words(`${unit}/cgroup.controllers`);
    const missing = controllers.filter((name) => !offered.includes(name));
    if (missing.length > 0) return { why: `its control group has no controller ${missing.join(", ")}` };
    fs.mkdirSync(`${unit}/daemon`, { recursive: true });
    fs.writeFileSync(`${unit}/daemon/cgroup.procs`, `${pid}`);
    fs.writeFileSync(`${unit}/cgroup.subtree_control`, controllers.map((name) => `+${name}`).join(" "));
    return { folder: unit };
  } catch (error) {
    return { why: `its control group can't be divided (${errnoOf(error) ?? String(error)})` };
  }
}

/**
 * Disables the controllers of the unit's group, for the next main process that is put there while VMs of the last one run. To be called by a
 * process that systemd has put into `.control` below it: `ExecStopPost=`, as before a start systemd puts every process into the group itself.
 */
export function releaseCgroup(facts: CgroupFacts = hostFacts): void {
  const own = ownGroup(facts);
  if (own === null || !own.endsWith("/.control")) return;
  const control = `${dirname(own)}/cgroup.subtree_control`;
  const enabled = words(control);
  if (enabled.length > 0) fs.writeFileSync(control, enabled.map((name) => `-${name}`).join(" "));
}

/** Null where version 2 is not what is mounted: then the mount point has folders of version 1, and no list of controllers. */
function ownGroup({ mount, self }: CgroupFacts): string | null {
  const [, path] = /^0::(\/.*)$/m.exec(fs.readFileSync(self, "utf8")) ?? [];
  if (path === undefined || !fs.existsSync(`${mount}/cgroup.controllers`)) return null;
  return `${mount}${path === "/" ? "" : path}`;
}

function words(path: string): string[] {
  return fs.readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
}
