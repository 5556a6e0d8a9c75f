import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { releaseCgroup, takeCgroup } from "./cgroup.ts";

/** Files as the kernel shows them for a unit's group. */
function group({
  self = "9:pids:/\n0::/system.slice/x.service\n",
  offered = "cpuset cpu io memory pids\n",
  enabled = "",
}: {
  self?: string;
  offered?: string | null;
  enabled?: string;
} = {}) {
  const folder = tempFolder();
  const unit = `${folder.path}/system.slice/x.service`;
  fs.mkdirSync(`${unit}/.control`, { recursive: true });
  if (offered !== null) fs.writeFileSync(`${folder.path}/cgroup.controllers`, offered);
  fs.writeFileSync(`${folder.path}/self`, self);
  fs.writeFileSync(`${unit}/cgroup.controllers`, offered ?? "");
  fs.writeFileSync(`${unit}/cgroup.subtree_control`, enabled);
  return {
    facts: { mount: folder.path, self: `${folder.path}/self` },
    unit,
    read: (name: string) => fs.readFileSync(`${unit}/${name}`, "utf8"),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

test("the daemon moves into a group of its own, and VMs get limits beside it", () => {
  using made = group();
  expect(takeCgroup(77, made.facts)).toEqual({ folder: made.unit });
  expect(made.read("daemon/cgroup.procs")).toBe("77");
  expect(made.read("cgroup.subtree_control")).toBe("+memory +pids +cpu");
  // after a restart the folder is still there
  expect(takeCgroup(78, made.facts)).toEqual({ folder: made.unit });
});

test.each([
  ["version 1", { self: "12:pids:/x\n1:name=systemd:/x\n" }, "this host has no unified control groups (cgroup v2)"],
  ["both versions", { offered: null }, "this host has no unified control groups (cgroup v2)"],
  ["a controller that is missing", { offered: "cpu pids\n" }, "its control group has no controller memory"],
  ["a group that is not ours", { self: "0::/gone\n" }, "its control group can't be divided (ENOENT)"],
])("%s: no limits, with the reason", (_what, options, why) => {
  using made = group(options);
  expect(takeCgroup(77, made.facts)).toEqual({ why });
});

test("before the next main process, everything that is enabled is disabled", () => {
  using made = group({ self: "0::/system.slice/x.service/.control\n", enabled: "cpu memory\n" });
  releaseCgroup(made.facts);
  expect(made.read("cgroup.subtree_control")).toBe("-cpu -memory");
});

test("nothing is changed when there is nothing to disable, and by a process elsewhere", () => {
  using idle = group({ self: "0::/system.slice/x.service/.control\n" });
  releaseCgroup(idle.facts);
  expect(idle.read("cgroup.subtree_control")).toBe("");
  using elsewhere = group({ enabled: "cpu" });
  releaseCgroup(elsewhere.facts);
  expect(elsewhere.read("cgroup.subtree_control")).toBe("cpu");
});
