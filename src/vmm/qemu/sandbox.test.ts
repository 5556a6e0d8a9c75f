import { expect, test } from "bun:test";
import type { VmId } from "../../base/names.ts";
import type { BootSpec } from "../driver.ts";
import { confined, type SandboxFacts } from "./sandbox.ts";

const spec: BootSpec = {
  id: "abcd1234" as VmId,
  directory: "/s/vms/abcd1234",
  vcpu: 1,
  memoryMib: 256,
  vmlinux: "/c/vmlinux",
  initramfs: "/c/i.cpio",
  kernelArgs: [],
  blockDevices: [
    { name: "layer0", path: "/c/a.sqfs", readOnly: true },
    { name: "data", path: "/s/vms/abcd1234/disk.ext4", readOnly: false },
  ],
  net: null,
};
const facts: SandboxFacts = {
  agent: "/l/banger-vsock-agent",
  cage: { landlock: 7, seccomp: true, namespaces: null, network: null, processes: null, signals: null },
  accel: "tcg",
  memory: { kind: "private" },
  inherited: [
    { how: "listen", name: "/s/vms/abcd1234/qmp.sock" },
    { how: "connect", name: "/s/vms/abcd1234/net.sock" },
  ],
  fileLimit: 8192,
  cgroup: null,
};
const qemu = ["/usr/bin/qemu-system-x86_64", "-version"];

test("QEMU can write only in the VM's folder, and read what it boots from", () => {
  expect(confined(qemu, spec, facts).join(" ")).toBe(
    "/l/banger-vsock-agent confine --existing /s/vms/abcd1234 " +
      "--ro /usr --ro /lib --ro /lib64 --ro /etc/ld.so.cache --ro /nix/store --ro /c/vmlinux --ro /c/i.cpio --ro /c/a.sqfs " +
      "--dev /dev/urandom --dev /dev/null --isolate all --network none " +
      "--limit address-space=8858370048 --limit open-files=512 --limit file-size=8192 --limit processes=97 --profile qemu " +
      "--listen /s/vms/abcd1234/qmp.sock --connect /s/vms/abcd1234/net.sock " +
      "-- /usr/bin/qemu-system-x86_64 -version",
  );
});

test("a clone can read its save and no kernel; an older QEMU can write to the memory file", () => {
  const path = "/s/saves/x/memory.bin";
  const line = (opened: "read-only" | "read-write") =>
    confined(qemu, spec, { ...facts, memory: { kind: "saved", path, opened } }).join(" ");
  expect(line("read-only")).toContain(` --ro ${path} --ro /c/a.sqfs `);
  expect(line("read-write")).toContain(` --existing /s/vms/abcd1234 --rw ${path} --ro /usr `);
  expect(line("read-write")).not.toMatch(/vmlinux|i\.cpio/);
});

test("memory for a template is writable, and needs no rule in the VM's folder", () => {
  const line = (path: string) => confined(qemu, spec, { ...facts, memory: { kind: "shared", path } }).join(" ");
  expect(line("/s/templates/x/memory.bin")).toContain(" --rw /s/templates/x/memory.bin ");
  expect(line(`${spec.directory}/memory.bin`)).not.toContain("memory.bin");
});

test("with its own network, QEMU can make sockets", () => {
  const net = { kind: "builtin", mac: "02:00:00:00:00:01" } as const;
  const line = confined(qemu, { ...spec, net }, facts).join(" ");
  expect(line).toContain("--profile qemu-user-net ");
  expect(line).toContain("--isolate all-but-network --network host ");
});

test("with a TAP interface QEMU stays in its own network namespace", () => {
  const net = { kind: "tap", name: "bgr-abcd1234", mac: "02:00:00:00:00:01" } as const;
  const line = confined(qemu, { ...spec, net }, { ...facts, inherited: [{ how: "tap", name: net.name }] }).join(" ");
  expect(line).toContain("--isolate all --network none ");
  expect(line).toContain("--profile qemu-tap --tap bgr-abcd1234 -- ");
  expect(line).not.toContain("/dev/net/tun");
});

test("it joins its VM's control group first", () => {
  const line = confined(qemu, spec, { ...facts, cgroup: "/sys/fs/cgroup/u/vm-abcd1234" }).join(" ");
  expect(line).toStartWith("/l/banger-vsock-agent confine --cgroup /sys/fs/cgroup/u/vm-abcd1234 --existing ");
});

test("/dev/kvm is accessible only under KVM", () => {
  expect(confined(qemu, spec, { ...facts, accel: "kvm" }).join(" ")).toContain("--dev /dev/kvm");
});

test("a QEMU outside the system's folders is readable too, with its firmware and modules", () => {
  expect(confined(["/opt/qemu/bin/qemu"], spec, facts).join(" ")).toContain(
    "--ro /opt/qemu/bin/qemu --ro /opt/qemu/share/qemu --ro /opt/qemu/lib/qemu ",
  );
});

test("a layer that the host does not have is not requested", () => {
  const line = (change: object) => confined(qemu, spec, { ...facts, cage: { ...facts.cage, ...change } }).join(" ");
  expect(line({ seccomp: false })).not.toContain("--profile");
  expect(line({ namespaces: "refused" })).not.toContain("--isolate");
  expect(line({ processes: "counted for the user" })).not.toContain("processes=");
  expect(line({ network: "refused" })).toContain("--isolate all-but-network --network none ");
});

test("the process limit allows a thread per CPU, 64 of QEMU's thread pool and its own few", () => {
  const threads = (vcpu: number) =>
    /--limit processes=(\d+)/.exec(confined(qemu, { ...spec, vcpu }, facts).join(" "))?.[1];
  expect([1, 4, 64].map(threads)).toEqual(["97", "100", "160"]);
});
