import { expect, test } from "bun:test";
import type { VmId } from "../../base/names.ts";
import type { BootSpec } from "../driver.ts";
import { launchCommand } from "./launch.ts";
import { firecrackerPaths } from "./paths.ts";
import type { FirecrackerProbe } from "./probe.ts";
import { featuresOf } from "./version.ts";

const spec: BootSpec = {
  id: "abcd1234" as VmId,
  directory: "/s/vms/abcd1234",
  vcpu: 2,
  memoryMib: 256,
  vmlinux: "/c/vmlinux",
  initramfs: "/c/i.cpio",
  kernelArgs: [],
  blockDevices: [],
  net: null,
};
const probe: FirecrackerProbe = {
  usable: true,
  driver: "firecracker",
  program: "/usr/bin/firecracker",
  version: "1.14.1",
  accel: "kvm",
  why: "",
  features: featuresOf("1.14.1"),
  cage: { landlock: 2, seccomp: true, namespaces: null, network: null, processes: null, signals: null },
  supervised: true,
  gaps: [],
  sharing: null,
};

test("a supervisor is asked for where the probe found that one is needed and can be had", () => {
  const line = (supervised: boolean) => {
    const paths = firecrackerPaths(spec.directory);
    const facts = { agent: "/l/agent", probe: { ...probe, supervised }, paths, fileSize: 8192, memory: null };
    return launchCommand(spec, facts).join(" ");
  };
  expect(line(true)).toContain("--profile firecracker --signals supervised -- /usr/bin/firecracker ");
  expect(line(false)).toContain("--profile firecracker -- /usr/bin/firecracker ");
});
