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

test("with a TAP interface it has the host's network namespace, and no TCP in it", () => {
  const net = { kind: "tap", name: "bgr-abcd1234", mac: "02:00:00:00:00:01" } as const;
  const line = (of: BootSpec) => {
    const facts = {
      agent: "/l/agent",
      probe,
      paths: firecrackerPaths(spec.directory),
      fileSize: 8192,
      cgroup: null,
      memory: null,
    };
    return launchCommand(of, facts).join(" ");
  };
  expect(line({ ...spec, net })).toContain(
    "--dev /dev/null --dev /dev/net/tun --isolate all-but-network --network none ",
  );
  expect(line({ ...spec, net })).toContain(" --profile firecracker-tap ");
  expect(line(spec)).toContain("--dev /dev/null --isolate all --network none ");
  expect(line(spec)).not.toContain("/dev/net/tun");
});

test("a supervisor is asked for where the probe found that one is needed and can be had", () => {
  const line = (supervised: boolean) => {
    const paths = firecrackerPaths(spec.directory);
    const facts = {
      agent: "/l/agent",
      probe: { ...probe, supervised },
      paths,
      fileSize: 8192,
      cgroup: null,
      memory: null,
    };
    return launchCommand(spec, facts).join(" ");
  };
  expect(line(true)).toContain("--profile firecracker --signals supervised -- /usr/bin/firecracker ");
  expect(line(false)).toContain("--profile firecracker -- /usr/bin/firecracker ");
});
