import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { PageRuns } from "./page-runs.ts";

const page = (fill: number) => new Uint8Array(4096).fill(fill);

test("adjacent pages are one write, and zeros are not written", async () => {
  const writes: [number, number][] = [];
  const pages = new PageRuns(1 << 20, async (offset, bytes) => void writes.push([offset, bytes.length]));
  for (const offset of [0, 4096, 8192]) pages.page(offset, page(1));
  pages.zeroPage(12_288);
  pages.page(16_384, page(2));
  pages.page(4096, page(3));
  await pages.finish();
  expect(writes).toEqual([
    [0, 12_288],
    [16_384, 4096],
    [4096, 4096],
  ]);
});

test("the file has the last page sent for each offset", async () => {
  const steps = fc.array(fc.tuple(fc.nat(31), fc.nat(3)), { maxLength: 800 });
  await fc.assert(
    fc.asyncProperty(steps, async (made) => {
      const [file, expected] = [new Uint8Array(32 * 4096), new Uint8Array(32 * 4096)];
      const pages = new PageRuns(file.length, async (offset, bytes) => {
        await Promise.resolve();
        file.set(bytes, offset);
      });
      for (const [at, fill] of made) {
        if (fill === 0) pages.zeroPage(at * 4096);
        else pages.page(at * 4096, page(fill));
        expected.fill(fill, at * 4096, (at + 1) * 4096);
      }
      await pages.finish();
      expect(Buffer.compare(file, expected)).toBe(0);
    }),
    { numRuns: runs(30) },
  );
});

test("waiting bytes are counted, and the first error is kept", async () => {
  let refuse = (_: Error) => {};
  const pages = new PageRuns(1 << 24, () => new Promise((_, reject) => (refuse = reject)));
  for (let at = 0; at < 600; at++) pages.page(at * 4096, page(1));
  expect(pages.backlog).toBe(2 * 1024 * 1024);
  await Promise.resolve();
  refuse(new Error("the disk is full"));
  await expect(pages.written()).rejects.toThrow("full");
  await expect(pages.finish()).rejects.toThrow("full");
});
