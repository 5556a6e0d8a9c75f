import { expect, test } from "bun:test";
import type { Digest } from "../../base/names.ts";
import { digestOf, vmRecord } from "../../store/testing/records.ts";
import { isSuccessor, type KeyParts, templateFacts, templateKey } from "./key.ts";

const parts: KeyParts = {
  image: { digest: digestOf("1"), init: "systemd" },
  kernel: digestOf("3"),
  initramfs: "aa.cpio",
  vmm: { driver: "qemu", version: "7.2.22", accel: "tcg", cpu: "some" },
  spec: vmRecord().spec,
  devices: {
    blockDevices: [{ name: "data", path: "/a", readOnly: false }],
    kernelArgs: ["banger.layers=1"],
  },
  network: "stream",
};
const spec = (changes: Partial<KeyParts["spec"]>): KeyParts => ({ ...parts, spec: { ...parts.spec, ...changes } });
const vmm = (changes: Partial<KeyParts["vmm"]>): KeyParts => ({ ...parts, vmm: { ...parts.vmm, ...changes } });

test.each<[string, KeyParts]>([
  ["another image", { ...parts, image: { ...parts.image, digest: digestOf("4") } }],
  ["another kernel", { ...parts, kernel: digestOf("4") as Digest }],
  ["another agent", { ...parts, initramfs: "bb.cpio" }],
  ["another VMM", vmm({ driver: "firecracker" })],
  ["another version of it", vmm({ version: "8.2.0" })],
  ["another accelerator", vmm({ accel: "kvm" })],
  ["more CPUs", spec({ vcpu: 3 })],
  ["more memory", spec({ memoryMib: 2048 })],
  ["a smaller disk", spec({ diskBytes: 1024 ** 3 })],
  ["VMs inside VMs", spec({ nested: true })],
  ["no network", { ...parts, network: "none" }],
  ["another kind of network", { ...parts, network: "builtin" }],
  ["other kernel words", { ...parts, devices: { ...parts.devices, kernelArgs: [] } }],
  ["another disk", { ...parts, devices: { ...parts.devices, blockDevices: [] } }],
])("%s means another template", (_, other) => expect(templateKey(other)).not.toBe(templateKey(parts)));

test.each<[string, KeyParts]>([
  ["a larger disk, which grows", spec({ diskBytes: 1024 ** 4 })],
  ["an environment, which is told later", spec({ env: { A: "1" } })],
  ["the host's CPU, when it is emulated", vmm({ cpu: "other" })],
  ["the image's name", spec({ image: { ...parts.spec.image, name: "other" as never } })],
])("%s means the same template", (_, other) => expect(templateKey(other)).toBe(templateKey(parts)));

test("the host's CPU is part of the key if the guest sees it", () => {
  expect(templateKey(vmm({ accel: "kvm", cpu: "a" }))).not.toBe(templateKey(vmm({ accel: "kvm", cpu: "b" })));
});

test("a template follows one of the same names and sizes", () => {
  const facts = templateFacts(parts);
  const newer = templateFacts({ ...parts, vmm: { ...parts.vmm, version: "8" } });
  expect(newer).not.toEqual(facts);
  expect(isSuccessor(newer, facts)).toBe(true);
  expect(isSuccessor(templateFacts(spec({ vcpu: 4 })), facts)).toBe(false);
  // each driver has its own
  expect(isSuccessor(templateFacts(vmm({ driver: "firecracker" })), facts)).toBe(false);
});
