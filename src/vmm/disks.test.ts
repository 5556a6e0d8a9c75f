import { afterAll, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { diskArgument, virtioDiskName } from "./disks.ts";
import { makeTempFolder } from "./testing/temp.ts";

const folder = makeTempFolder("disks");
afterAll(() => folder.remove());

test("virtio disks are named in order, as far as there are letters", () => {
  expect([0, 1, 14, 25].map(virtioDiskName)).toEqual(["vda", "vdb", "vdo", "vdz"]);
  for (const index of [-1, 0.5, 26]) expect(() => virtioDiskName(index)).toThrow(RangeError);
});

test("the agent gets each disk's name, device and size, in the driver's order", async () => {
  const directory = await folder.make("vm");
  const disk = async (name: string, bytes: number) => {
    const path = `${directory}/${name}`;
    await writeFile(path, Buffer.alloc(bytes));
    return { name, path, readOnly: true };
  };
  const devices = [await disk("layer0", 4096), await disk("data", 1000)];
  expect(await diskArgument(devices, virtioDiskName)).toBe("banger.disks=layer0:vda:4096,data:vdb:1000");
  expect(await diskArgument(devices, (index) => `disk${9 - index}`)).toBe(
    "banger.disks=layer0:disk9:4096,data:disk8:1000",
  );
  const gone = diskArgument([{ name: "data", path: `${directory}/gone`, readOnly: false }], virtioDiskName);
  await expect(gone).rejects.toThrow("gone");
});
