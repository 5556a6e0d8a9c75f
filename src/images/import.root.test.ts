/** Images and kernels that do not fit on their disk, here a small tmpfs. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { archive, chunked, file, folder } from "../formats/tar/testing/archive.ts";
import { listFolder } from "../host/files/files.ts";
import { createExec } from "../host/process/exec-node.ts";
import { randomBytes } from "../host/random.ts";
import { gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { realCage } from "../host/testing/tool-cage.ts";
import { importKernelPackage } from "../kernels/import.ts";
import { pathsOf } from "../model/paths.ts";
import { receiveDisk } from "./disk/receive.ts";
import { importRootfs } from "./import.ts";
import { imageDeps } from "./testing/image-deps.ts";

const skip = gate("root") ?? gate("tool:sqfstar");

describe.skipIf(skip !== null)("a full file system", () => {
  const temp = tempFolder("full");
  const tiny = `${temp.path}/tiny`;
  const exec = createExec(process.env as Record<string, string>);
  const paths = pathsOf({ state: tiny, cache: tiny, config: tiny, runtime: tiny });
  const deps = { exec, cage: realCage(), paths, now: () => 0 };
  const never = new AbortController().signal;
  const megabyte = () => new Uint8Array(randomBytes(1024 * 1024));

  beforeAll(async () => {
    mkdirSync(tiny);
    const mounted = await exec(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tiny]);
    expect(mounted.exitCode).toBe(0);
  });
  afterAll(async () => {
    await exec(["umount", tiny]);
    temp[Symbol.dispose]();
  });

  test("is reported for an image, and nothing incomplete is left", async () => {
    const files = Array.from({ length: 20 }, (_, i) => file(`f${i}`, megabyte()));
    const upload = { name: "large", source: "test", tar: chunked(archive([folder("."), ...files])) };
    await expect(importRootfs(imageDeps(paths), upload, () => {}, never)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await listFolder(paths.partial)).toEqual([]);
    expect(await listFolder(paths.layers)).toEqual([]);
  });

  test("is reported for a disk, and nothing incomplete is left", async () => {
    const tar = chunked(archive([file("disk", new Uint8Array(randomBytes(8 * 1024 * 1024)))]));
    const receiving = receiveDisk(imageDeps(paths), { name: "disk", tar }, () => {}, never);
    await expect(receiving).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await listFolder(paths.partial)).toEqual([]);
  });

  test("is reported for a kernel, and nothing incomplete is left", async () => {
    const modules = Array.from({ length: 5 }, (_, i) => file(`lib/modules/6.1/kernel/m${i}.ko`, megabyte()));
    const tar = chunked(archive([file("boot/vmlinuz-6.1", "x"), ...modules]));
    const upload = { name: "large", source: "test", tar };
    await expect(importKernelPackage(deps, upload, () => {}, never)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await listFolder(paths.partial)).toEqual([]);
    expect(await listFolder(paths.kernels)).toEqual([]);
  });
});
