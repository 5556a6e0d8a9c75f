import { expect, test } from "bun:test";
import { systemPaths } from "../model/paths.ts";
import { daemonUnitText, helperUnitText, isUnitPath, type UnitFacts } from "./units.ts";

const facts: UnitFacts = {
  owner: { name: "anna", uid: 1000, gid: 100 },
  home: "/home/anna",
  paths: systemPaths(),
  hasKvmGroup: true,
};

/** Values of a key, in order. */
function values(text: string, key: string): string[] {
  return text.split("\n").flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

test("the daemon runs as its owner, from the current version, and VMMs outlive it", () => {
  const text = daemonUnitText(facts);
  expect(values(text, "User")).toEqual(["anna"]);
  expect(values(text, "Group")).toEqual(["100"]);
  expect(values(text, "ExecStart")).toEqual(["/usr/local/lib/banger/current/bangerd --system"]);
  // before a start systemd puts processes into the unit's group, which takes none while VMs run
  expect(values(text, "ExecStartPre")).toEqual([]);
  expect(values(text, "ExecStopPost")).toEqual(["-/usr/local/lib/banger/current/bangerd release-cgroup"]);
  expect(values(text, "KillMode")).toEqual(["process"]);
  expect(values(text, "WantedBy")).toEqual(["multi-user.target"]);
});

test("a group kvm is joined where there is one", () => {
  expect(values(daemonUnitText(facts), "SupplementaryGroups")).toEqual(["kvm"]);
  expect(values(daemonUnitText({ ...facts, hasKvmGroup: false }), "SupplementaryGroups")).toEqual([]);
});

test("the daemon sees no home but its owner's, and that read-only", () => {
  const text = daemonUnitText(facts);
  expect(values(text, "ProtectHome")).toEqual(["tmpfs"]);
  expect(values(text, "BindReadOnlyPaths")).toEqual(["-/home/anna"]);
});

test("capabilities: ports below 1024 for the daemon, the network for the helper", () => {
  expect(values(daemonUnitText(facts), "CapabilityBoundingSet")).toEqual(["CAP_NET_BIND_SERVICE"]);
  expect(values(helperUnitText(facts), "CapabilityBoundingSet")).toEqual(["CAP_NET_ADMIN"]);
  expect(values(helperUnitText(facts), "AmbientCapabilities")).toEqual([]);
});

test("VMMs may use the system calls that their own filter allows and systemd's groups don't have", () => {
  const [allowed = ""] = values(daemonUnitText(facts), "SystemCallFilter");
  expect(allowed.split(" ")).toEqual(expect.arrayContaining(["@system-service", "mincore", "seccomp"]));
});

test("the helper's socket is in a folder of root and the owner's group", () => {
  const text = helperUnitText(facts);
  expect(values(text, "User")).toEqual(["root"]);
  expect(values(text, "Group")).toEqual(["100"]);
  expect(values(text, "RuntimeDirectory")).toEqual(["banger-root"]);
  expect(values(text, "RuntimeDirectoryMode")).toEqual(["0750"]);
});

test("every line is a section, a comment, or one key and its value", () => {
  for (const text of [daemonUnitText(facts), helperUnitText(facts)])
    for (const line of text.split("\n")) expect(line).toMatch(/^$|^#|^\[\w+\]$|^[A-Z]\w+=\S.*$/);
});

test.each([
  ["/home/anna", true],
  ["/home/ünï.x@y/a_b+c-d", true],
  ["/home/a b", false],
  ["/home/%h", false],
  ["/home/a:/etc", false],
  ["/home/a\nUser=root", false],
  ["/home/../root", false],
  ['/home/"', false],
  ["home/anna", false],
  ["/", false],
])("a home %j can stand in a unit: %p", (path, expected) => {
  expect(isUnitPath(path)).toBe(expected);
});
