/** Bundles of kernels, packed by the real tools; only depmod has a stand-in, because the modules are not real. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { zstdCompressSync } from "node:zlib";
import { type MadeBundle, makeBundle } from "../artifacts/bundle/make.ts";
import { fetchDeps, siteOf } from "../artifacts/bundle/testing/site.ts";
import type { Digest } from "../base/names.ts";
import { archive, chunked, collect, file, folder, type Member } from "../formats/tar/testing/archive.ts";
import type { Exec } from "../host/process/exec.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { realCage } from "../host/testing/tool-cage.ts";
import type { KernelRecord } from "../model/artifact.ts";
import { pathsOf } from "../model/paths.ts";
import { KernelBundles } from "./bundle.ts";
import { checkKernel } from "./check.ts";
import { exportKernel } from "./export.ts";
import { importKernelPackage } from "./import.ts";
import { configSample, depSample, elfSample } from "./testing/samples.ts";

const never = new AbortController().signal;
const reason = gate("tool:mksquashfs") ?? gate("tool:zstd");
const release = "6.1.0-1-cloud-amd64";
const modules = depSample.split("\n").flatMap((line) => line.split(":")[0]?.replace(".ko.xz", ".ko") || []);
const members: Member[] = [
  folder("boot"),
  file(`boot/vmlinuz-${release}`, elfSample()),
  file(`boot/config-${release}`, configSample),
  ...modules.map((path) => file(`lib/modules/${release}/${path}`, `module ${path}`)),
];

const real = createExec(process.env as Record<string, string>);
const exec: Exec = async (argv, options) => {
  if (argv[0] !== "depmod") return real(argv, options);
  writeFileSync(`${argv[2]}/lib/modules/${argv[3]}/modules.dep`, depSample.replaceAll(".ko.xz", ".ko"));
  return real(["true"]);
};

describe.skipIf(reason !== null)(reason === null ? "kernel bundles" : `kernel bundles [${reason}]`, () => {
  const temp = tempFolder("kernel");
  let count = 0;
  const here = world();
  const place = `${temp.path}/bundle`;
  let kernel: KernelRecord;
  let made: MadeBundle;

  beforeAll(async () => {
    const upload = { name: "mine", source: "test", tar: chunked(archive(members)) };
    kernel = await importKernelPackage(here.deps, upload, () => {}, never);
    made = await bundled(place, exportKernel(here.paths, kernel, never));
  });
  afterAll(() => temp[Symbol.dispose]());

  function world() {
    const path = `${temp.path}/world-${++count}`;
    const paths = pathsOf({ state: path, cache: path, config: path, runtime: path });
    return { paths, deps: { paths, exec, cage: realCage(), now: () => 42 } };
  }

  function bundled(to: string, tar: AsyncIterable<Uint8Array>, facts: Record<string, unknown> = {}) {
    const all = { kind: "kernel", created: "2026-01-01T00:00:00Z", release, ...facts };
    return makeBundle(to, all, [{ part: "kernel", tar }], () => {}, never);
  }

  async function pulled(site: Awaited<ReturnType<typeof siteOf>>, { paths, deps } = world()) {
    const bundles = new KernelBundles({ ...deps, ...fetchDeps(paths) });
    return bundles.pull(site.entry, site.entry.from.bundle, () => {}, never);
  }

  test("a pulled bundle is the same kernel, and can be verified", async () => {
    const site = await siteOf("kernel", place, made);
    await using _ = site.server;
    const there = world();
    const record = await pulled(site, there);
    expect(record).toEqual({ ...kernel, name: "tool" as never, source: `catalog ${site.entry.catalog}` });
    await checkKernel(there.deps, record);
    expect(readFileSync(there.paths.kernel(record.digest).config, "utf8")).toBe(configSample);
    expect([readdirSync(there.paths.blobs), readdirSync(there.paths.partial)]).toEqual([[], []]);
    const [once, again] = await Promise.all(
      [here, there].map(({ paths }) => collect(exportKernel(paths, record, never))),
    );
    expect(once).toEqual(again as never);
  });

  async function refused(at: string, pinned: MadeBundle, code: string, words: RegExp): Promise<void> {
    const site = await siteOf("kernel", at, pinned);
    await using _ = site.server;
    const there = world();
    await expect(pulled(site, there)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    const { kernels, partial, blobs } = there.paths;
    for (const left of [kernels, partial, blobs]) expect(existsSync(left) ? readdirSync(left) : []).toEqual([]);
  }

  test("a bundle of another kind, one without a kernel, and one with a module missing are refused", async () => {
    const other = await bundled(`${temp.path}/image`, chunked(archive(members)), { kind: "image" });
    await refused(`${temp.path}/image`, other, "BUNDLE_INVALID", /not a kernel/);
    const empty = await bundled(`${temp.path}/empty`, chunked(archive([folder("boot")])));
    await refused(`${temp.path}/empty`, empty, "KERNEL_UNUSABLE", /no boot\/vmlinuz/);
    const few = members.filter(({ entry }) => !/config-/.test(entry.name));
    const lacking = await bundled(`${temp.path}/few`, chunked(archive(few)));
    await refused(`${temp.path}/few`, lacking, "KERNEL_UNUSABLE", /has no module ext4/);
  });

  test("a bundle whose tar does not match its manifest is refused, even with valid digests", async () => {
    for (const [spoil, code, words] of [
      [(packed: Buffer) => packed.subarray(0, packed.length - 50), "BUNDLE_INVALID", /instead of|broken/],
      [() => Buffer.from(zstdCompressSync(archive(members.slice(0, 2)))), "BUNDLE_INVALID", /instead of/],
      [() => Buffer.from("BZh91AY&SY"), "KERNEL_UNUSABLE", /bzip2/],
    ] as const) {
      const at = `${temp.path}/spoilt-${++count}`;
      await bundled(at, exportKernel(here.paths, kernel, never));
      const packed = spoil(readFileSync(`${at}/kernel.tar.zst`));
      writeFileSync(`${at}/kernel.tar.zst`, packed);
      const manifest = JSON.parse(readFileSync(`${at}/manifest.json`, "utf8"));
      Object.assign(manifest.kernel, { sha256: hex(packed), size: packed.length });
      const bytes = Buffer.from(JSON.stringify(manifest));
      writeFileSync(`${at}/manifest.json`, bytes);
      await refused(at, { digest: `sha256:${hex(bytes)}` as Digest, size: packed.length }, code, words);
    }
  });
});

function hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
