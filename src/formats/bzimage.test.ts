import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { bzImageSample, elfSample, withSize } from "../kernels/testing/samples.ts";
import { elfProblem, findPayload, statedSize } from "./bzimage.ts";

const lz4 = new Uint8Array([0x02, 0x21, 0x4c, 0x18, ...Array.from({ length: 30 }, () => 1)]);

test("the payload is found wherever the header says it is", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 5000 }), (setup, offset) => {
      const found = findPayload(bzImageSample(lz4, setup, offset));
      expect(found).toEqual({ bytes: lz4, compression: "lz4" });
    }),
  );
});

test("an ELF kernel is taken as it is", () => {
  const elf = elfSample();
  expect(findPayload(elf)).toEqual({ bytes: elf, compression: "none" });
});

test("each kind of wrong file is reported", () => {
  const problem = (image: Uint8Array) => {
    const found = findPayload(image);
    return "problem" in found ? found.problem : "";
  };
  expect(problem(new Uint8Array(100))).toBe("it is too short for a kernel");
  expect(problem(new Uint8Array(2000))).toBe("it has no x86 setup header");
  expect(problem(bzImageSample(new Uint8Array(40)))).toBe("its compression is unknown");
  expect(problem(bzImageSample(lz4).slice(0, -110))).toBe("it is cut short");
  const old = bzImageSample(lz4);
  old[0x206] = 0x07;
  expect(problem(old)).toBe("its boot protocol 0x207 is older than 0x208");
});

test("the stated size is read", () => {
  expect(statedSize(withSize(lz4, 53_243_444))).toBe(53_243_444);
});

test("an ELF file is judged by its headers", () => {
  expect(elfProblem(elfSample())).toBeNull();
  expect(elfProblem(elfSample().slice(0, 3000))).toBe("its ELF segments are cut short");
  expect(elfProblem(elfSample().slice(0, 100))).toBe("its ELF headers are cut short");
  expect(elfProblem(new Uint8Array(4096))).toBe("it does not unpack to an ELF file");
  const arm = elfSample();
  arm[18] = 183;
  expect(elfProblem(arm)).toBe("it is not for x86-64");
});

test("any bytes get an answer", () => {
  const header = fc.uint8Array({ minLength: 0, maxLength: 1200 });
  fc.assert(
    fc.property(
      header,
      fc.boolean(),
      fc.array(fc.tuple(fc.nat(1199), fc.nat(255)), { maxLength: 8 }),
      (bytes, real, changes) => {
        const image = real ? bzImageSample(lz4) : bytes;
        for (const [at, value] of changes) if (at < image.length) image[at] = value;
        const found = findPayload(image);
        if (!("problem" in found)) expect(found.bytes.length).toBeGreaterThanOrEqual(4);
        const elf = real ? elfSample(1200) : bytes;
        for (const [at, value] of changes) if (at < elf.length) elf[at] = value;
        elfProblem(elf);
      },
    ),
    { numRuns: runs(2000) },
  );
});
