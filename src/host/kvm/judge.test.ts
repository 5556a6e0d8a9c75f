import { expect, test } from "bun:test";
import { judgeKvm, type KvmDevice, type KvmHost, type KvmLook } from "./judge.ts";
import { device, host } from "./testing/facts.ts";

function judged(look: Partial<KvmLook>, flags = "fpu vmx", facts: Partial<KvmHost> = {}) {
  return judgeKvm({ open: "ok", createVm: "ok", nested: true, ...look }, flags, () => ({ ...host, ...facts }));
}

test.each(["fpu vmx sse", "svm"])(
  "a VM that can be made on a CPU with %p: usable, and nothing else is looked up",
  (flags) => {
    const nothing = () => {
      throw new Error("not needed");
    };
    expect(judgeKvm({ open: "ok", createVm: "ok", nested: true }, flags, nothing)).toEqual({
      usable: true,
      nested: true,
    });
  },
);

const noFlags = "fpu sse";
const rows: [string, Partial<KvmLook>, string, Partial<KvmHost>, RegExp, RegExp][] = [
  ["absent, Intel", { open: "ENOENT" }, "vmx", {}, /^there is no \/dev\/kvm$/, /sudo modprobe kvm_intel.*dmesg/],
  ["absent, AMD", { open: "ENOENT" }, "svm", { isRoot: true }, /no \/dev\/kvm/, /`modprobe kvm_amd`/],
  ["absent, in a VM", { open: "ENOENT" }, "hypervisor", {}, /no \/dev\/kvm/, /nested virtualisation.*docs\/hosts\.md/],
  ["absent, turned off", { open: "ENOENT" }, noFlags, {}, /no \/dev\/kvm/, /firmware/],
  ["absent, docker", { open: "ENOENT" }, "vmx", { container: "docker" }, /in this container \(docker\)/, /--device/],
  ["absent, some container", { open: "ENOENT" }, "vmx", { hasModule: true }, /the kernel has KVM/, /--device/],
  ["built in, but turned off", { open: "ENOENT" }, noFlags, { hasModule: true }, /no \/dev\/kvm$/, /firmware/],
  ["absent, WSL", { open: "ENOENT" }, "hypervisor", { isWsl: true }, /WSL/, /nestedVirtualization=true/],
  ["no module", { open: "ENODEV" }, "svm", {}, /no KVM module is loaded \(ENODEV\)/, /modprobe kvm_amd/],
  ["nested off", { open: "ENODEV" }, "hypervisor", {}, /no KVM module/, /nested virtualisation/],
  ["a device without driver", { open: "ENXIO" }, "vmx", {}, /ENXIO/, /modprobe kvm_intel/],
  ["a device policy", { open: "EPERM" }, "vmx", {}, /policy.*EPERM/, /--device \/dev\/kvm.*DeviceAllow/],
  ["another error", { open: "EIO" }, "vmx", {}, /can't be opened: EIO/, /dmesg/],
  ["another hypervisor", { createVm: "EBUSY" }, "vmx", {}, /another hypervisor.*EBUSY/, /VirtualBox/],
  ["signals", { createVm: "EINTR" }, "vmx", {}, /interrupted.*EINTR/, /try again/],
  ["no memory", { createVm: "ENOMEM" }, "vmx", {}, /no memory/, /free some/],
  ["refused otherwise", { createVm: "EIO" }, "vmx", {}, /refuses to create a VM \(EIO\)/, /dmesg/],
  ["para-virtual", {}, "fpu avmx hypervisor", {}, /neither vmx nor svm.*para-virtual/, /hosts\.md/],
];

test.each(rows)("%s", (_, look, flags, facts, why, fix) => {
  const probe = judged(look, flags, facts);
  expect(probe).toMatchObject({ why: expect.stringMatching(why), fix: expect.stringMatching(fix) });
  expect("isDenied" in probe).toBe(look.open === "EPERM");
});

const logIn = "log out and in again, and run `banger daemon stop`: VMs keep running";
const denied: [string, Partial<KvmHost>, Partial<KvmDevice>, RegExp, string][] = [
  ["Debian", {}, {}, /only by the group kvm\)/, `run \`sudo usermod -aG kvm ada\`, ${logIn}`],
  ["root", { isRoot: true, user: "root" }, {}, /group kvm/, `run \`usermod -aG kvm root\`, ${logIn}`],
  ["Alpine", { distribution: "alpine" }, {}, /group kvm/, `run \`sudo addgroup ada kvm\`, ${logIn}`],
  [
    "NixOS",
    { distribution: "nixos" },
    {},
    /group kvm/,
    `add "kvm" to \`users.users.ada.extraGroups\` and rebuild; then ${logIn}`,
  ],
  ["another group", {}, { group: "qemu" }, /only by the group qemu\)/, `run \`sudo usermod -aG qemu ada\`, ${logIn}`],
  [
    "a group without a name",
    {},
    { group: "107" },
    /the group 107\)/,
    `run \`sudo groupadd -g 107 kvm\` and \`sudo usermod -aG kvm ada\`, ${logIn}`,
  ],
  ["an odd name", { user: "a b" }, {}, /group kvm/, `run \`sudo usermod -aG kvm $USER\`, ${logIn}`],
  ["no name", { user: "" }, {}, /group kvm/, `run \`sudo usermod -aG kvm $USER\`, ${logIn}`],
  [
    "given at log-in",
    {},
    { isForSeat: true },
    /only by the group kvm, or whoever is logged in at the machine's own screen\)/,
    `run \`sudo usermod -aG kvm ada\`, ${logIn}`,
  ],
  [
    "joined since",
    {},
    { membership: "account" },
    /group kvm/,
    `you joined the group kvm after this session or the daemon had begun: ${logIn}`,
  ],
];

test.each(denied)("denied: %s", (_, facts, of, why, fix) => {
  const probe = judged({ open: "EACCES" }, "vmx", { ...facts, device: { ...device, ...of } });
  expect(probe).toEqual({ usable: false, isDenied: true, why: expect.stringMatching(why), fix });
});

test.each([{ group: "root" }, { isForGroup: false }])("denied, and the group can't help: %o", (of) => {
  const probe = judged({ open: "EACCES" }, "vmx", { device: { ...device, ...of } });
  const fix = expect.stringMatching(/sudo chgrp kvm.*sudo chmod 660.*usermod -aG kvm ada/);
  expect(probe).toMatchObject({ isDenied: true, why: "/dev/kvm belongs to root alone", fix });
});

test.each([null, { ...device, membership: "process" as const }])("denied by something else", (of) => {
  expect(judged({ open: "EACCES" }, "vmx", { device: of })).toMatchObject({ fix: expect.stringContaining("getfacl") });
});
