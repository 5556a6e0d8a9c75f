/** Each limit of a kernel package at its last allowed value and one past it, counted by what arrives and not by what is declared. */
import { expect, test } from "bun:test";
import { archive, chunked, file, type Member } from "../formats/tar/testing/archive.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { maxDepth, type UnpackLimits, unpackKernel, unpackLimits } from "./unpack.ts";

const image = (bytes: number) => file("boot/vmlinuz-6.1", "k".repeat(bytes));
const config = (bytes: number) => file("boot/config-6.1", "c".repeat(bytes));
const module = (at: number, bytes: number) => file(`lib/modules/6.1/m${at}.ko`, "m".repeat(bytes));
const other = (at: number, bytes: number) => file(`usr/share/doc/${at}`, "d".repeat(bytes));

const rows: [string, Partial<UnpackLimits>, Member[], Member[], string][] = [
  ["the image", { image: 100 }, [image(100)], [image(101)], "its kernel is too large"],
  ["the configuration", { config: 100 }, [image(1), config(100)], [image(1), config(101)], "its kernel is too large"],
  [
    "all modules together",
    { modules: 100 },
    [image(1), module(1, 60), module(2, 40)],
    [image(1), module(1, 60), module(2, 41)],
    "its modules are too large",
  ],
  [
    "how many modules",
    { files: 2 },
    [image(1), module(1, 1), module(2, 1)],
    [image(1), module(1, 1), module(2, 1), module(3, 1)],
    "it contains too many files",
  ],
  ["the stream's bytes", { bytes: 3072 }, [image(1), other(1, 512)], [image(1), other(1, 513)], "it is too large"],
  [
    "the stream's entries",
    { entries: 2 },
    [image(1), other(1, 0)],
    [image(1), other(1, 0), other(2, 0)],
    "it contains too many files",
  ],
];

const unpack = async (members: Member[], limits: Partial<UnpackLimits>) => {
  using temp = tempFolder("limits");
  return unpackKernel(chunked(archive(members)), temp.path, () => {}, { ...unpackLimits, ...limits });
};

test("how deep a module lies", async () => {
  const deep = (depth: number) => file(`lib/modules/6.1/${"d/".repeat(depth - 1)}m.ko`, "m");
  expect((await unpack([image(1), deep(maxDepth)], {})).release).toBe("6.1");
  await expect(unpack([image(1), deep(maxDepth + 1)], {})).rejects.toMatchObject({
    problem: "its modules are nested too deeply",
  });
});

for (const [what, limits, allowed, past, problem] of rows) {
  test(`${what}: at the limit, and one past it`, async () => {
    expect((await unpack(allowed, limits)).image.length).toBeGreaterThan(0);
    await expect(unpack(past, limits)).rejects.toMatchObject({ problem });
  });
}

test("what the limits are", () => {
  expect(unpackLimits).toEqual({
    image: 512 * 1024 ** 2,
    config: 4 * 1024 ** 2,
    modules: 2 * 1024 ** 3,
    files: 50_000,
    bytes: 8 * 1024 ** 3,
    entries: 500_000,
  });
});
