/** Packing with the real sqfstar: what is stored, and that a failure leaves nothing half-made. */
import { expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { isError } from "../base/errors/error.ts";
import { archive, chunked, file, folder, symlink } from "../formats/tar/testing/archive.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { checkImage } from "./check.ts";
import { importRootfs } from "./import.ts";
import { imageDeps } from "./testing/image-deps.ts";

const env = process.env as Record<string, string>;
const never = new AbortController().signal;
const content = archive([
  folder("."),
  folder("./usr"),
  folder("./usr/lib"),
  folder("./usr/lib/systemd"),
  file("./usr/lib/systemd/systemd", "program", 0o755),
  folder("./sbin"),
  symlink("./sbin/init", "/usr/lib/systemd/systemd"),
  folder("./tmp", 0o1777),
  file(`./tmp/${"long".repeat(40)}`, "x".repeat(100_000)),
]);

function world() {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  return { temp, paths, exec: createExec(env), deps: imageDeps(paths, { now: () => 42 }) };
}

function upload(tar: AsyncIterable<Uint8Array>) {
  return { name: "tiny", source: "test", tar };
}

const onlySqfstar = (name: string, body: () => Promise<void>) => gatedTest("tool:sqfstar", name, body);

onlySqfstar("a root file system becomes one layer with the tree of its archive", async () => {
  const { temp, paths, deps, exec } = world();
  using _ = temp;
  const record = await importRootfs(deps, upload(chunked(content, [1000])), () => {}, never);
  await checkImage(deps, record);
  expect(record).toMatchObject({ name: "tiny", init: "systemd", source: "test", createdAt: 42 });
  expect(readdirSync(paths.partial)).toEqual([]);
  const listed = await exec(["unsquashfs", "-lln", paths.layer(record.layers[0]!.digest)]);
  const lines = new TextDecoder().decode(listed.stdout).split("\n");
  expect(lines.find((line) => line.endsWith(" squashfs-root"))).toMatch(/^drwxr-xr-x 0\/0 /);
  expect(lines.find((line) => line.endsWith("squashfs-root/tmp"))).toStartWith("drwxrwxrwt");
  expect(lines.find((line) => line.includes("sbin/init"))).toEndWith("-> /usr/lib/systemd/systemd");
});

onlySqfstar("the padding of tar's last record is not part of the archive, however late it arrives", async () => {
  const padded = new Uint8Array(content.length + 1024 * 1024);
  padded.set(content);
  for (const cut of [content.length, content.length - 700, 4096]) {
    const { temp, deps } = world();
    using _ = temp;
    const late = async function* () {
      yield padded.subarray(0, cut);
      await Bun.sleep(20); // like a slow sender: the packer has exited by then
      yield* chunked(padded.subarray(cut), [50_000]);
    };
    const record = await importRootfs(deps, upload(late()), () => {}, never);
    await checkImage(deps, record);
  }
});

onlySqfstar("the same content twice is one layer; a damaged one is replaced", async () => {
  const { temp, paths, deps } = world();
  using _ = temp;
  const first = await importRootfs(deps, upload(chunked(content)), () => {}, never);
  const second = await importRootfs(deps, upload(chunked(content, [333])), () => {}, never);
  expect(second.digest).toBe(first.digest);
  truncateSync(paths.layer(first.layers[0]!.digest), 100);
  await importRootfs(deps, upload(chunked(content)), () => {}, never);
  await checkImage(deps, first);
  expect(readdirSync(paths.layers)).toHaveLength(1);
});

onlySqfstar("a stream that breaks, is cut short, not a tar or empty leaves nothing", async () => {
  const { temp, paths, deps } = world();
  using _ = temp;
  const broken = async function* () {
    yield content.slice(0, 2000);
    throw new Error("connection lost");
  };
  await expect(importRootfs(deps, upload(broken()), () => {}, never)).rejects.toThrow("connection lost");
  for (const bad of [content.slice(0, 3000), new Uint8Array(5000).fill(65), archive([folder(".")]), archive([])]) {
    const error = await importRootfs(deps, upload(chunked(bad)), () => {}, never).catch((thrown: unknown) => thrown);
    expect(isError(error, "IMAGE_INVALID")).toBe(true);
  }
  expect(readdirSync(paths.partial)).toEqual([]);
  expect(readdirSync(paths.layers)).toEqual([]);
});

onlySqfstar("an import cancelled in the middle ends at once and leaves nothing", async () => {
  const { temp, paths, deps } = world();
  using _ = temp;
  const cancel = new AbortController();
  const slow = async function* () {
    yield content.slice(0, 2000);
    cancel.abort(new Error("no longer wanted"));
    yield content.slice(2000);
  };
  await expect(importRootfs(deps, upload(slow()), () => {}, cancel.signal)).rejects.toThrow("no longer wanted");
  expect(readdirSync(paths.partial)).toEqual([]);
  expect(readdirSync(paths.layers)).toEqual([]);
});

onlySqfstar("a packer that dies is reported with its own message", async () => {
  const { temp, paths, deps } = world();
  using _ = temp;
  mkdirSync(`${temp.path}/bin`);
  writeFileSync(`${temp.path}/bin/sqfstar`, "#!/bin/sh\necho 'FATAL ERROR: No space left on device' >&2\nexit 1\n");
  chmodSync(`${temp.path}/bin/sqfstar`, 0o755);
  const path = process.env["PATH"];
  process.env["PATH"] = `${temp.path}/bin:${path}`;
  try {
    const endless = async function* () {
      yield content.slice(0, content.length - 1024);
      for (let i = 0; i < 200; i++) yield archive([file(`n${i}`, "x".repeat(50_000))], new Uint8Array());
      yield new Uint8Array(1024);
    };
    const error = await importRootfs(deps, upload(endless()), () => {}, never).catch((thrown: unknown) => thrown);
    expect(isError(error, "DISK_FULL")).toBe(true);
  } finally {
    process.env["PATH"] = path;
  }
  expect(existsSync(paths.layers) && readdirSync(paths.layers)).toEqual([]);
});
