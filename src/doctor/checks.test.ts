import { expect, test } from "bun:test";
import { goodHost } from "../cli/testing/cli.ts";
import { checkAll } from "./checks.ts";
import type { CheckFacts } from "./facts.ts";

const statuses = (change: Partial<CheckFacts>) =>
  Object.fromEntries(checkAll({ ...goodHost, ...change }).map((finding) => [finding.name, finding]));

test("a good host has no warnings and no failures", () => {
  expect(checkAll(goodHost).filter((finding) => finding.status !== "ok")).toEqual([]);
});

const tool = {
  program: "mkfs.ext4",
  path: null,
  failure: null,
  why: "to format the VM's disk",
  install: "install it with `x`",
};
const noPasst = { failure: "it is not installed", fix: "install it with `x`" };
const catalog = (isOutOfReach: boolean): CheckFacts["catalogs"][number] => ({
  url: "https://c.example/catalog.toml",
  entries: isOutOfReach ? 3 : 0,
  failure: { message: isOutOfReach ? "the connection was refused" : "another key's", hint: "look at it", isOutOfReach },
  isKept: isOutOfReach,
});
const running = {
  state: "running" as const,
  version: goodHost.version,
  pid: 1,
  leftovers: [],
  uncaught: { count: 0, last: null },
};
const leftover = { path: "/s/x", reason: "the system forbids it", next: "do this" };
const cage = { landlock: 7, seccomp: true, namespaces: null, network: null, processes: null, signals: null };
const sharing: CheckFacts["sharing"] = {
  layer: "memory isolation",
  why: "QEMU opens the memory for writing",
  leavesOpen: "it changes the memory of other VMs",
};
const rows: [string, Partial<CheckFacts>, string, "warning" | "failure", RegExp][] = [
  ["another architecture", { arch: "arm64" }, "architecture", "failure", /arm64/],
  ["no QEMU", { qemu: null }, "vmm", "failure", /not installed/],
  ["no passt", { network: { ...noPasst, mayFallBack: false } }, "network", "failure", /not installed.*do not start/],
  [
    "no passt, with fallback",
    { network: { ...noPasst, mayFallBack: true } },
    "network",
    "warning",
    /QEMU's own.*loopback/,
  ],
  [
    "only the fallback",
    { network: { failure: null, fix: "", mayFallBack: true } },
    "network",
    "warning",
    /should it fail/,
  ],
  ["a tool for images", { tools: [{ ...tool, needed: "build" }] }, "mkfs.ext4", "warning", /not installed/],
  [
    "a tool that fails",
    { tools: [{ ...tool, path: "/sbin/mkfs.ext4", failure: "ends with status 127: no libe2p", needed: "always" }] },
    "mkfs.ext4",
    "failure",
    /^\/sbin\/mkfs.ext4 ends with status 127: no libe2p; it is needed to format/,
  ],
  [
    "a QEMU that fails",
    {
      qemu: null,
      tools: [{ ...tool, program: "qemu-system-x86_64", path: "/q", failure: "is ended by SIGILL", needed: "always" }],
    },
    "vmm",
    "failure",
    /^\/q is ended by SIGILL$/,
  ],
  [
    "an agent that fails",
    { cage: null, agentFailure: "ends with status 1: x" },
    "confinement",
    "failure",
    /status 1: x/,
  ],
  [
    "a home that can't be written",
    { free: [{ path: "/h", failure: "EROFS" }] },
    "disk space",
    "failure",
    /^\/h can.t be written: EROFS/,
  ],
  ["a tool that is always needed", { tools: [{ ...tool, needed: "always" }] }, "mkfs.ext4", "failure", /not installed/],
  ["no Landlock", { cage: { ...cage, landlock: 0 } }, "landlock", "warning", /only its own root/],
  ["no filter", { cage: { ...cage, seccomp: false } }, "seccomp", "warning", /modes and owners/],
  ["no namespaces", { cage: { ...cage, namespaces: "EPERM" } }, "namespaces", "warning", /EPERM.*names, sizes/],
  ["no network namespace", { cage: { ...cage, network: "x" } }, "network namespace", "warning", /only the filter/],
  [
    "a QEMU that shares memory",
    { sharing },
    "memory isolation",
    "warning",
    /opens the memory.*changes the memory of other VMs/,
  ],
  ["no agent", { cage: null }, "confinement", "failure", /another version/],
  ["root", { uid: 0 }, "user", "warning", /root/],
  ["no subordinate ids", { subordinateIds: false }, "user", "warning", /subordinate/],
  ["little space", { free: [{ path: "/s", bytes: 2 ** 31 }] }, "disk space", "warning", /2 GiB free/],
  ["no space", { free: [{ path: "/s", bytes: 2 ** 20 }] }, "disk space", "failure", /free at \/s/],
  ["another version", { daemon: { ...running, version: "9" } }, "daemon", "warning", /version 9/],
  ["a leftover", { daemon: { ...running, leftovers: [leftover] } }, "leftover", "warning", /^\/s\/x should.*forbids/],
  ["an exception", { daemon: { ...running, uncaught: { count: 2, last: "x" } } }, "exceptions", "warning", /^2 .*: x$/],
  ["a config with a mistake", { config: { file: "/e/c", problems: ["vcpuu: unknown"] } }, "config", "failure", /vcpuu/],
  [
    "a catalog out of reach",
    { catalogs: [catalog(true)] },
    "catalog",
    "warning",
    /connection was refused.*last good copy/,
  ],
  ["a catalog that is not trusted", { catalogs: [catalog(false)] }, "catalog", "failure", /another key's/],
  [
    "an image whose layer is missing",
    { contents: { count: 2, damaged: [{ message: 'image "x" is damaged: /c/l is missing', hint: "do it" }] } },
    "images",
    "failure",
    /l is missing/,
  ],
  [
    "a daemon that can't be reached",
    { daemon: { state: "unreachable", reason: "EACCES" } },
    "daemon",
    "failure",
    /EACCES/,
  ],
];

for (const [label, change, name, status, text] of rows) {
  test(`${label}: ${status}, with what to do`, () => {
    const finding = statuses(change)[name];
    expect(finding).toMatchObject({ status });
    expect(finding?.text).toMatch(text);
    expect(finding?.fix).toBeTruthy();
  });
}

test("a signed catalog is fine, and its entries are counted", () => {
  const good = { ...catalog(true), entries: 1, failure: null, isKept: false };
  expect(statuses({ catalogs: [good] })["catalog"]).toEqual({
    name: "catalog",
    status: "ok",
    text: "https://c.example/catalog.toml: signed, 1 entry",
  });
});

test("images are checked if a daemon is running, and reported as unchecked if not", () => {
  expect(statuses({})["images"]).toMatchObject({ status: "ok", text: "2 images and kernels, all complete" });
  expect(statuses({ contents: null })["images"]).toMatchObject({
    status: "ok",
    text: expect.stringContaining("not checked"),
  });
});

test("a healthy daemon is one line", () => {
  const findings = checkAll({ ...goodHost, daemon: running }).filter(({ name }) =>
    /daemon|leftover|exceptions/.test(name),
  );
  expect(findings.map(({ name, status }) => [name, status])).toEqual([["daemon", "ok"]]);
});

test("a QEMU that shares memory is not a gap if confinement is required, and the cost is reported", () => {
  expect(statuses({ sharing, confinement: "required" })["memory isolation"]).toMatchObject({
    status: "ok",
    text: expect.stringMatching(/opens the memory.*boot cold, and forks and snapshots are refused/),
  });
  expect(statuses({})["memory isolation"]).toMatchObject({
    status: "ok",
    text: expect.stringContaining("can't write"),
  });
  expect(statuses({ qemu: null, sharing: null })).not.toHaveProperty("memory isolation");
});

test("in system mode KVM is the service's right: an owner outside the group kvm has nothing to do", () => {
  const own = { accel: "tcg", why: "/dev/kvm may not be opened by this user", fix: "join the group kvm" };
  const accel = { own, daemon: { accel: "kvm", why: "" } };
  const system = { bridge: "172.16.0.1/24", clash: null, tun: null, reported: null };
  expect(statuses({ accel, system })["acceleration"]).toEqual({ name: "acceleration", status: "ok", text: "KVM" });
  expect(statuses({ accel })["acceleration"]).toMatchObject({ status: "warning" });
});

test("a service that does not run is a failure, and an older one is upgraded by an install", () => {
  const system = { bridge: "172.16.0.1/24", clash: null, tun: null, reported: null };
  expect(statuses({ system })["daemon"]).toMatchObject({ status: "failure", fix: expect.stringContaining("restart") });
  const older = statuses({ system, daemon: { ...running, version: "9" } })["daemon"];
  expect(older).toMatchObject({ status: "warning", fix: expect.stringContaining("`sudo banger system install`") });
});

test("what restarts a service is the system's command, and its folders are not the user's to move by a variable", () => {
  const system = { bridge: "172.16.0.1/24", clash: null, tun: null, reported: null };
  const tcg = { accel: "tcg", why: "the module is not loaded" };
  const facts: Partial<CheckFacts> = {
    ...{ daemon: { ...running, leftovers: [leftover] }, free: [{ path: "/var/lib/banger", bytes: 2 ** 20 }] },
    accel: { own: { accel: "kvm", why: "" }, daemon: tcg },
  };
  const fixes = (change: Partial<CheckFacts>) =>
    ["leftover", "acceleration", "disk space"].map((name) => statuses({ ...facts, ...change })[name]?.fix ?? "");
  const joined = fixes({ system }).join("\n");
  expect(joined.match(/sudo banger system restart/g)).toHaveLength(2);
  expect(joined).not.toMatch(/daemon stop|XDG_/);
  expect(fixes({ system: null }).join("\n")).toMatch(/daemon stop[\s\S]*daemon stop[\s\S]*XDG_CACHE_HOME/);
});
