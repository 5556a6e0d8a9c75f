import { expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { isError } from "../base/errors/error.ts";
import { fakeExec } from "../host/testing/exec.ts";
import { uncaged } from "../host/testing/tool-cage.ts";
import { extractKernel } from "./payload.ts";
import { bzImageSample, elfSample, withSize } from "./testing/samples.ts";

const elf = elfSample();
const xzHeader = new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, ...Array.from({ length: 20 }, () => 0)]);

test("kernels are extracted with every supported compression", async () => {
  const none = fakeExec({});
  const xz = fakeExec({ "xz --decompress --stdout --single-stream": { stdout: elf } });
  const same = async (image: Uint8Array, exec = none) =>
    Buffer.from(await extractKernel({ exec, cage: uncaged }, "k", image)).equals(elf);
  expect(await same(elf)).toBe(true);
  expect(await same(bzImageSample(gzipSync(elf)))).toBe(true);
  expect(await same(bzImageSample(withSize(zstdCompressSync(elf), elf.length)))).toBe(true);
  expect(await same(bzImageSample(withSize(xzHeader, elf.length)), xz)).toBe(true);
});

const bad: [string, Uint8Array, string][] = [
  ["no kernel", new Uint8Array(3000), "it has no x86 setup header"],
  [
    "damaged",
    bzImageSample(
      withSize(
        zstdCompressSync(elf).map((byte, i) => (i > 20 ? byte ^ 0x55 : byte)),
        elf.length,
      ),
    ),
    "damaged",
  ],
  ["huge", bzImageSample(withSize(zstdCompressSync(elf), 4_000_000_000)), "4000000000 bytes"],
  ["a byte longer than it says", bzImageSample(withSize(zstdCompressSync(elf), elf.length - 1)), "damaged"],
  ["a byte shorter than it says", bzImageSample(withSize(zstdCompressSync(elf), elf.length + 1)), "damaged"],
  ["no ELF inside", bzImageSample(gzipSync(new Uint8Array(4096))), "not unpack to an ELF file"],
];

for (const [what, image, problem] of bad) {
  test(`${what}: refused`, async () => {
    const error = await extractKernel({ exec: fakeExec({}), cage: uncaged }, "k", image).catch(
      (thrown: unknown) => thrown,
    );
    expect(isError(error, "KERNEL_UNUSABLE") && error.message).toContain(problem);
  });
}

test("other work proceeds while a large kernel is unpacked", async () => {
  const large = new Uint8Array(64 * 1024 ** 2);
  large.set(elf);
  for (const image of [
    bzImageSample(gzipSync(large)),
    bzImageSample(withSize(zstdCompressSync(large), large.length)),
  ]) {
    let turns = 0;
    const counting = setInterval(() => void turns++, 1);
    await extractKernel({ exec: fakeExec({}), cage: uncaged }, "k", image);
    clearInterval(counting);
    expect(turns).toBeGreaterThan(3);
  }
});

test("a kernel can state an unpacked size of 512 MiB, and not one byte more", async () => {
  const saying = (size: number) =>
    extractKernel({ exec: fakeExec({}), cage: uncaged }, "k", bzImageSample(withSize(zstdCompressSync(elf), size)));
  await expect(saying(536_870_912)).rejects.toThrow("damaged");
  await expect(saying(536_870_913)).rejects.toThrow("it would unpack to 536870913 bytes");
});
