/** Untrusted manifests of bundles. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BundleError } from "../artifacts/bundle/manifest.ts";
import type { Digest } from "../base/names.ts";
import { patience, runs } from "../base/testing/budget.ts";
import { spoilt } from "../base/testing/spoilt.ts";
import { parseImageManifest, requireBundleSize } from "./bundle.ts";

const file = (name: string) => ({
  file: `${name}.tar.zst`,
  sha256: "1".repeat(64),
  size: 7,
  tar: { sha256: "2".repeat(64), size: 9 },
});
const good = {
  format: 1,
  architecture: "amd64",
  kind: "image",
  created: "2026-01-01T00:00:00Z",
  config: { env: { LANG: "C" }, entrypoint: ["/bin/x"], cmd: ["y"], workdir: "/srv", user: "app" },
  rootfs: file("rootfs"),
  direct: file("direct"),
};
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

test("a valid manifest, with and without the part for a VM's own disk", () => {
  const parsed = parseImageManifest(bytes(good));
  expect(parsed.config).toEqual(good.config);
  expect([parsed.rootfs.file, parsed.direct?.file]).toEqual(["rootfs.tar.zst", "direct.tar.zst"]);
  const { direct: _, ...plain } = good;
  expect(parseImageManifest(bytes(plain)).direct).toBeNull();
});

test(
  "anything else is a manifest within bounds, or refused with BundleError",
  () => {
    fc.assert(
      fc.property(spoilt(good), (document) => {
        let parsed: ReturnType<typeof parseImageManifest>;
        try {
          parsed = parseImageManifest(document);
        } catch (error) {
          expect(error).toBeInstanceOf(BundleError);
          return;
        }
        const { config, rootfs, direct } = parsed;
        for (const one of direct ? [rootfs, direct] : [rootfs]) {
          expect(one.file).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
          expect(one.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
          expect(Number.isSafeInteger(one.size) && one.size >= 0).toBe(true);
        }
        expect(JSON.stringify(config)).not.toContain("\\u0000");
        expect([config.entrypoint, config.cmd].flat().every((text) => typeof text === "string")).toBe(true);
      }),
      { numRuns: runs(500) },
    );
  },
  patience,
);

test("a bundle's files can add up to an image's size limit, packed and unpacked, and not a byte more", () => {
  const file = (size: number, unpacked: number) => ({
    ...{ file: "rootfs.tar.zst", digest: `sha256:${"1".repeat(64)}` as Digest, size },
    tar: { digest: `sha256:${"2".repeat(64)}` as Digest, size: unpacked },
  });
  const check = (...files: ReturnType<typeof file>[]) => requireBundleSize("tool", files, { bytes: 1000, entries: 1 });
  check(file(400, 500), file(600, 500));
  expect(() => check(file(400, 500), file(601, 500))).toThrow("1001 B to download");
  expect(() => check(file(400, 500), file(600, 501))).toThrow("larger than 1000 B when unpacked");
});
