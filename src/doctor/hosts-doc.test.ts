/** Every block of `doctor`'s output in docs/hosts.md is what it prints. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { judgeKvm, type KvmHost, type KvmLook } from "../host/kvm/judge.ts";
import { device, host } from "../host/kvm/testing/facts.ts";
import { chooseAccel } from "../vmm/qemu/accel.ts";
import { acceleration } from "./acceleration.ts";

const page = readFileSync(new URL("../../docs/hosts.md", import.meta.url), "utf8");
const shown = [...page.matchAll(/^```text\n(.*?)```$/gms)].map(([, block]) => block);

type Case = [look: Partial<KvmLook>, cpuFlags: string, facts: Partial<KvmHost>];
const cases: Case[] = [
  [{ open: "EACCES" }, "vmx", { device }],
  [{ open: "EACCES" }, "vmx", { device: { ...device, membership: "account" } }],
  [{ open: "EACCES" }, "vmx", { device: { ...device, group: "root" } }],
  [{ open: "ENOENT" }, "vmx", {}],
  [{ open: "ENODEV" }, "svm", {}],
  [{ open: "ENOENT" }, "", {}],
  [{ createVm: "EBUSY" }, "vmx", {}],
  [{ open: "ENOENT" }, "hypervisor", {}],
  [{ open: "ENOENT" }, "hypervisor", { isWsl: true }],
  [{}, "hypervisor", {}],
  [{ open: "ENOENT" }, "vmx", { container: "docker" }],
  [{ open: "EPERM" }, "vmx", {}],
];

test("the page shows what doctor prints, case by case", () => {
  const printed = cases.map(([look, flags, facts]) => {
    const whole = { open: "ok", createVm: "ok", nested: true, ...look };
    const kvm = judgeKvm(whole, flags, () => ({ ...host, ...facts }));
    const own = chooseAccel({ requested: undefined, kvm });
    const { name, text, fix } = acceleration({ accel: { own, daemon: null } });
    return `warn  ${name}: ${text}\n      ${fix}\n`;
  });
  expect(shown).toEqual(printed);
});
