import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import type { KvmProbe } from "../../host/kvm/judge.ts";
import { fakeExec } from "../../host/testing/exec.ts";
import { type ProbeDeps, QemuProber } from "./probe.ts";
import { isOlder, parseVersion } from "./version.ts";

const program = "/usr/bin/qemu-system-x86_64";
const debian =
  "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) 2003-2022 Fabrice Bellard\n";

const noKvm: KvmProbe = { usable: false, why: "/dev/kvm does not exist", fix: "make it" };
const wholeCage = '{"landlock":7,"seccomp":true,"namespaces":null,"network":null,"processes":null,"signals":null}';

const probeQemu = (of: ProbeDeps) => new QemuProber(of).probe();

function deps(stdout: string, exitCode = 0, cage = wholeCage) {
  return {
    exec: fakeExec({
      [`${program} --version`]: { stdout, exitCode },
      "/l/agent confine --check": { stdout: cage, exitCode: cage === "" ? 1 : 0 },
    }),
    agent: "/l/agent",
    which: async () => program,
    realPath: async (path: string) => path,
    env: {},
    stampOf: async () => "1",
    kvm: async () => noKvm,
  };
}

test("a usable QEMU is reported with its version, and with the reason for emulation", async () => {
  expect(await probeQemu(deps(debian))).toMatchObject({
    usable: true,
    version: "7.2.22",
    accel: "tcg",
    why: "/dev/kvm does not exist",
  });
});

test("each probe looks at KVM; QEMU's version is asked for once, and again when the program is replaced", async () => {
  const of = deps(debian);
  let kvm: KvmProbe = { usable: true, nested: true };
  let stamp = "1";
  const prober = new QemuProber({ ...of, kvm: async () => kvm, stampOf: async () => stamp });
  expect(await prober.probe()).toMatchObject({ accel: "kvm", why: "" });
  kvm = { ...noKvm, isDenied: true };
  expect(await prober.probe()).toMatchObject({ accel: "tcg", kvmDenied: true, fix: "make it" });
  kvm = { usable: true, nested: true };
  expect(await prober.probe()).toMatchObject({ accel: "kvm" });
  const asked = () => of.exec.calls.filter((call) => call.endsWith("--version")).length;
  expect(asked()).toBe(1);
  stamp = "2";
  expect(await prober.probe()).toMatchObject({ accel: "kvm" });
  expect(asked()).toBe(2);
});

test.each<[KvmProbe, boolean]>([
  [noKvm, true],
  [{ usable: true, nested: true }, true],
  [{ usable: true, nested: false }, false],
])("%p lets guests have VMs of their own: %p", async (kvm, nested) => {
  expect(await probeQemu({ ...deps(debian), kvm: async () => kvm })).toMatchObject({ features: { nested } });
});

test("gaps of the cage are reported, and an agent that does not answer is a failure", async () => {
  const partial = wholeCage.replace('"network":null', '"network":"refused"');
  expect(await probeQemu(deps(debian, 0, partial))).toMatchObject({
    usable: true,
    cage: { network: "refused" },
    gaps: [{ layer: "network namespace", why: "refused" }],
  });
  expect(await probeQemu(deps(debian, 0, ""))).toMatchObject({ usable: false, why: "/l/agent does not answer" });
});

test("before 8.2, QEMU's VMs of one template are not isolated from each other", async () => {
  const sharing = { layer: "memory isolation", leavesOpen: expect.stringContaining("memory of other VMs") };
  expect(await probeQemu(deps(debian))).toMatchObject({ gaps: [], sharing });
  expect(await probeQemu(deps("QEMU emulator version 8.2.0"))).toMatchObject({ sharing: null });
});

test("a QEMU that is a symbolic link in PATH is started by its real path, next to which it looks for modules", async () => {
  const linked = { ...deps(debian), which: async () => "/home/me/bin/qemu", realPath: async () => program };
  expect(await probeQemu(linked)).toMatchObject({ usable: true, program });
});

test("without QEMU, the probe says how to install it", async () => {
  const probe = await probeQemu({ ...deps(""), which: async () => null });
  expect(probe).toMatchObject({
    usable: false,
    why: "qemu-system-x86_64 is not installed",
    fix: expect.stringContaining("apt install"),
  });
});

test.each([
  ["QEMU emulator version 5.2.0", 0, "older than 7.2"],
  ["", 127, "qemu-system-x86_64 ends with status 127"],
  ["something else", 0, "does not report a QEMU version"],
])("%p with status %p can't be used", async (stdout, exitCode, why) => {
  expect(await probeQemu(deps(stdout, exitCode))).toMatchObject({ usable: false, why: expect.stringContaining(why) });
});

test("a QEMU that fails is reported with its own message, one that hangs with the time limit", async () => {
  const library = "error while loading shared libraries: libfoo.so";
  const failing = { ...deps(""), exec: fakeExec({ [`${program} --version`]: { exitCode: 1, stderr: library } }) };
  expect(await probeQemu(failing)).toMatchObject({ why: `${program} ends with status 1: ${library}` });
  const slow = fail("TOOL_FAILED", { tool: "q", status: "a timeout after 10 s", said: "" });
  const hanging = { ...deps(""), exec: () => Promise.reject(slow) };
  expect(await probeQemu(hanging)).toMatchObject({
    usable: false,
    why: expect.stringContaining("a timeout after 10 s"),
  });
});

test.each([
  ["7.2.0", false],
  ["6.1.9", true],
  ["5.9", true],
  ["10.0.0", false],
])("%s is older than 7.2: %p", (version, older) => {
  expect(isOlder(version, [7, 2])).toBe(older);
});

test("versions are read with and without a third number", () => {
  expect(parseVersion("QEMU emulator version 9.1\n")).toBe("9.1");
  expect(parseVersion("")).toBeNull();
});
