/** The tiny artifacts are what the tests that use them expect. Needs packages from the archive, but no VM. */
import { expect } from "bun:test";
import { gatedTest } from "../../host/testing/gate.ts";
import { checkKernel } from "../../kernels/check.ts";
import { checkImage } from "../check.ts";
import { tinyArtifacts } from "./tiny.ts";

gatedTest(
  "vm",
  "the tiny image and its kernel are intact",
  async () => {
    const tiny = await tinyArtifacts();
    await checkImage(tiny, tiny.image);
    await checkKernel(tiny, tiny.kernel);
    expect(tiny.image.init).toBe("none");
    expect(tiny.kernel.release).toMatch(/^\d+\.\d+\./);
  },
  300_000,
);
