import { expect, test } from "bun:test";
import { shapeOf } from "./shape.ts";

const vm = {
  vcpu: 2,
  memoryMib: 512,
  blockDevices: [
    { name: "layer0", path: "/a", readOnly: true },
    { name: "data", path: "/b", readOnly: false },
  ],
  net: { kind: "stream", socket: "/s", mac: "02:00:00:00:00:01" } as const,
};

test("paths and addresses don't matter, devices and their order do", () => {
  const shape = "vcpu=2 memory=512 disks=layer0:ro,data:rw net=stream guest-announce=off";
  expect(shapeOf(vm)).toBe(shape);
  const clone = { ...vm, blockDevices: vm.blockDevices.map((device) => ({ ...device, path: "/elsewhere" })) };
  expect(shapeOf({ ...clone, net: { ...vm.net, socket: "/t", mac: "02:00:00:00:00:02" } })).toBe(shape);
  const builtin = { kind: "builtin", mac: vm.net.mac } as const;
  const disks = vm.blockDevices.toReversed();
  for (const change of [{ vcpu: 1 }, { memoryMib: 256 }, { net: null }, { net: builtin }, { blockDevices: disks }])
    expect(shapeOf({ ...vm, ...change })).not.toBe(shape);
});
