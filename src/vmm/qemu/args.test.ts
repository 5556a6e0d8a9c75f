import { describe, expect, test } from "bun:test";
import type { VmId } from "../../base/names.ts";
import type { BootSpec } from "../driver.ts";
import { maxBlockDevices, type QemuPlan, qemuArgs } from "./args.ts";

const directory = "/s/vms/abcd1234";
const spec: BootSpec = {
  id: "abcd1234" as VmId,
  directory,
  vcpu: 2,
  memoryMib: 1024,
  vmlinux: "/c/kernels/k/vmlinux",
  initramfs: "/c/initramfs/i.cpio",
  kernelArgs: [],
  blockDevices: [
    { name: "layer0", path: "/c/layers/a.sqfs", readOnly: true },
    { name: "data", path: `${directory}/disk.ext4`, readOnly: false },
  ],
  net: { kind: "stream", socket: `${directory}/net.sock`, mac: "02:00:00:00:00:01" },
};
const plan: QemuPlan = {
  program: "/usr/bin/qemu-system-x86_64",
  accel: "tcg",
  cpu: "basic",
  cmdline: "console=ttyS0 quiet",
  memory: { kind: "private" },
  firmware: null,
  sockets: {
    qmp: { kind: "descriptor", fd: 3 },
    agent: { kind: "descriptor", fd: 4 },
    boot: { kind: "descriptor", fd: 5 },
    net: { kind: "descriptor", fd: 6 },
  },
  serialLog: `${directory}/serial.log`,
};

test("the complete argument list", () => {
  expect(pairs(qemuArgs(spec, plan))).toMatchSnapshot();
});

describe("arguments that depend on the specification", () => {
  const rows: [string, Partial<BootSpec>, Partial<QemuPlan>, string[]][] = [
    ["a faster firmware", {}, { firmware: "/usr/share/qemu/qboot.rom" }, ["-bios /usr/share/qemu/qboot.rom"]],
    ["KVM", {}, { accel: "kvm" }, ["-accel kvm", "-cpu host,migratable=on,"]],
    ["a disk without flushes", { blockDevices: [disk({ cache: "unsafe" })] }, {}, ["cache.no-flush=on"]],
    [
      "a disk with flushes",
      { blockDevices: [disk({ cache: "writeback" })] },
      {},
      ["cache.no-flush=off", "discard=unmap", "locking=auto"],
    ],
    ["a shared layer", { blockDevices: [disk({ readOnly: true })] }, {}, ["read-only=on", "locking=off"]],
    ["a comma in a path", { blockDevices: [disk({ path: "/a,b" })] }, {}, ["filename=/a,,b,"]],
    [
      "the fallback network",
      { net: { kind: "builtin", mac: "02:00:00:00:00:01" } },
      {},
      ["-netdev user,id=net,net=192.0.2.0/24"],
    ],
    [
      "a TAP interface",
      { net: { kind: "tap", name: "bgr-abcd1234", mac: "02:00:00:00:00:01" } },
      {},
      [
        "-netdev tap,id=net,fd=6,vhost=off -device virtio-net-device,netdev=net,mac=02:00:00:00:00:01,guest_announce=off",
      ],
    ],
    [
      "memory for a template",
      {},
      { memory: { kind: "shared", path: "/m" } },
      ["memory-backend-file,id=ram,size=1024M,mem-path=/m,share=on"],
    ],
    [
      "memory of a save",
      {},
      { memory: { kind: "saved", path: "/m", opened: "read-only" } },
      ["mem-path=/m,share=off,readonly=on,rom=off"],
    ],
    [
      "memory of a save, on an older QEMU",
      {},
      { memory: { kind: "saved", path: "/m", opened: "read-write" } },
      ["mem-path=/m,share=off -kernel"],
    ],
  ];
  test.each(rows)("%s", (_, change, planned, expected) => {
    const line = qemuArgs({ ...spec, ...change }, { ...plan, ...planned }).join(" ");
    for (const part of expected) expect(line).toContain(part);
  });
});

test("no network: no device", () => {
  expect(qemuArgs({ ...spec, net: null }, plan).join(" ")).not.toMatch(/netdev|virtio-net/);
});

test("a restored VM gets no kernel: it is in its memory", () => {
  const line = qemuArgs(spec, { ...plan, cmdline: null }).join(" ");
  expect(line).toContain("-incoming defer -S");
  expect(line).not.toMatch(/-kernel|-initrd|-append/);
});

test("a confined QEMU gets no path to bind or connect", () => {
  expect(qemuArgs(spec, plan).join(" ")).not.toContain(".sock");
});

test("a QEMU started by hand makes and connects its sockets itself", () => {
  const sockets: QemuPlan["sockets"] = { qmp: { kind: "path", path: "/q,q" }, agent: { kind: "path", path: "/a" } };
  const line = qemuArgs(spec, { ...plan, sockets }).join(" ");
  expect(line).toContain("socket,id=qmp,path=/q,,q,server=on,wait=off");
  expect(line).toContain("socket,id=agent,path=/a,server=on,wait=off");
  expect(line).toContain(`stream,id=net,server=off,addr.type=unix,addr.path=${directory}/net.sock`);
  expect(line).not.toContain("id=boot");
});

test("every disk is raw: no format is probed", () => {
  const drives = qemuArgs(spec, plan).filter((word) => word.startsWith("node-name="));
  expect(drives.every((word) => /driver=(?:file|raw)/.test(word))).toBe(true);
});

test("more drives than microvm has slots for are refused", () => {
  const many = Array.from({ length: maxBlockDevices + 1 }, (_, at) => disk({ name: `layer${at}` }));
  expect(() => qemuArgs({ ...spec, blockDevices: many }, plan)).toThrow(RangeError);
});

function disk(change: Partial<BootSpec["blockDevices"][number]>) {
  return { name: "data", path: "/d", readOnly: false, ...change };
}

/** One line for each option with its value, so that a changed option is one changed line. */
function pairs(argv: string[]): string {
  return argv
    .map((word, at) => (at > 0 && word.startsWith("-") ? `\n${word}` : ` ${word}`))
    .join("")
    .trim();
}
