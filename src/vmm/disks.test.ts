import { expect, test } from "bun:test";
import { diskArgument, virtioDiskName } from "./disks.ts";

test("virtio disks are named in order, as far as there are letters", () => {
  expect([0, 1, 14, 25].map(virtioDiskName)).toEqual(["vda", "vdb", "vdo", "vdz"]);
  for (const index of [-1, 0.5, 26]) expect(() => virtioDiskName(index)).toThrow(RangeError);
});

test("the agent gets each disk's name, device and size, in the driver's order", () => {
  const devices = ["layer0", "data"].map((name) => ({ name, path: `/${name}`, readOnly: true }));
  const sizes = [4096, 1000];
  expect(diskArgument(devices, sizes, virtioDiskName)).toBe("banger.disks=layer0:vda:4096,data:vdb:1000");
  expect(diskArgument(devices, sizes, (index) => `disk${9 - index}`)).toBe(
    "banger.disks=layer0:disk9:4096,data:disk8:1000",
  );
});
