/** Untrusted manifests of kernel bundles. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BundleError } from "../artifacts/bundle/manifest.ts";
import { patience, runs } from "../base/testing/budget.ts";
import { spoilt } from "../base/testing/spoilt.ts";
import { checkSize, parseKernelManifest } from "./bundle.ts";
import { maxPackage } from "./unpack.ts";

const good = {
  format: 1,
  architecture: "amd64",
  kind: "kernel",
  created: "2026-01-01T00:00:00Z",
  release: "6.1.0-1-cloud-amd64",
  kernel: { file: "kernel.tar.zst", sha256: "1".repeat(64), size: 7, tar: { sha256: "2".repeat(64), size: 9 } },
};

test("a valid manifest", () => {
  const { kernel } = parseKernelManifest(new TextEncoder().encode(JSON.stringify(good)));
  expect(kernel).toMatchObject({ file: "kernel.tar.zst", size: 7, tar: { digest: `sha256:${"2".repeat(64)}` } });
});

test(
  "anything else is a manifest within bounds, or refused with BundleError",
  () => {
    fc.assert(
      fc.property(spoilt(good), (document) => {
        try {
          const { kernel } = parseKernelManifest(document);
          expect(kernel.file).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
          expect(Number.isSafeInteger(kernel.size) && Number.isSafeInteger(kernel.tar.size)).toBe(true);
        } catch (error) {
          if (!(error instanceof BundleError)) throw error;
        }
      }),
      { numRuns: runs(300) },
    );
  },
  patience,
);

test("a package of the maximum size is downloaded, compressed or not, and not one byte more", () => {
  const { kernel } = parseKernelManifest(new TextEncoder().encode(JSON.stringify(good)));
  const sized = (size: number, unpacked: number) => [{ ...kernel, size, tar: { ...kernel.tar, size: unpacked } }];
  checkSize(sized(maxPackage, maxPackage));
  expect(() => checkSize(sized(maxPackage + 1, 1))).toThrow(BundleError);
  expect(() => checkSize(sized(1, maxPackage + 1))).toThrow("the limit for a kernel is 8 GiB");
});
