import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { which } from "../host/facts.ts";
import { exists, listFolder, sizeOf } from "../host/files/files.ts";
import { usedBytes } from "../host/files/used-bytes.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gate } from "../host/testing/gate.ts";
import { createDataDisk, type DiskDeps } from "./disk.ts";
import { makeTempFolder } from "./testing/temp.ts";

const skip = gate("tool:mkfs.ext4");
const folder = makeTempFolder("disk");
afterAll(() => folder.remove());
const exec = createExec({});
const gibibyte = 2 ** 30;

async function deps(name: string): Promise<DiskDeps> {
  const path = await folder.make(name);
  const partial = await folder.make(`${name}/partial`);
  return { exec, blankDisk: (bytes) => `${path}/blank-${bytes}`, partial, blanks: new Map() };
}

describe.skipIf(skip !== null)("data disks", () => {
  test("a disk is a valid, sparse ext4 that takes less than 1 MiB", async () => {
    const facts = await deps("one");
    const path = `${folder.path}/one/disk`;
    await createDataDisk(facts, { bytes: 8 * gibibyte, path });
    expect(await sizeOf(path)).toBe(8 * gibibyte);
    expect(await usedBytes(path)).toBeLessThan(2 ** 20);
    const fsck = await exec([(await which("e2fsck")) ?? "e2fsck", "-fn", path]);
    expect(fsck.exitCode).toBe(0);
    expect(await listFolder(facts.partial)).toEqual([]);
  });

  test("inode tables are marked as zeroed, so that the guest need not write them", async () => {
    const path = `${folder.path}/one/disk`;
    const output = new TextDecoder().decode((await exec([(await which("dumpe2fs")) ?? "dumpe2fs", path])).stdout);
    const groups = output.split("\n").filter((line) => /^Group \d+:/.test(line));
    expect(groups.length).toBeGreaterThan(10);
    expect(groups.filter((line) => !line.includes("ITABLE_ZEROED"))).toEqual([]);
  });

  test("the second disk of a size is a copy", async () => {
    const facts = await deps("two");
    let runs = 0;
    const counting: DiskDeps = {
      ...facts,
      exec: (argv, options) => {
        runs += 1;
        return exec(argv, options);
      },
    };
    await createDataDisk(counting, { bytes: gibibyte, path: `${folder.path}/two/a` });
    const made = runs;
    await createDataDisk(counting, { bytes: gibibyte, path: `${folder.path}/two/b` });
    expect(runs).toBe(made);
  });

  test("a blank disk that was altered, or that another process made, is made again", async () => {
    const facts = await deps("altered");
    const blank = facts.blankDisk(gibibyte);
    const path = `${folder.path}/altered/a`;
    await createDataDisk(facts, { bytes: gibibyte, path });
    for (const who of [facts, { ...facts, blanks: new Map<string, string>() }]) {
      writeFileSync(blank, "other");
      await createDataDisk(who, { bytes: gibibyte, path });
      expect(await sizeOf(path)).toBe(gibibyte);
      expect((await exec([(await which("e2fsck")) ?? "e2fsck", "-fn", path])).exitCode).toBe(0);
    }
  });

  test("two concurrent calls without a blank disk both succeed", async () => {
    const facts = await deps("three");
    const paths = ["a", "b"].map((name) => `${folder.path}/three/${name}`);
    await Promise.all(paths.map((path) => createDataDisk(facts, { bytes: gibibyte, path })));
    expect(await Promise.all(paths.map(sizeOf))).toEqual([gibibyte, gibibyte]);
  });

  test("a failing mkfs leaves nothing", async () => {
    const facts = await deps("four");
    const failing = async (argv: readonly string[]) => ({
      ...(await exec(["false"])),
      argv,
      stderr: Buffer.from("mkfs.ext4: No space left on device\n"),
    });
    const made = createDataDisk({ ...facts, exec: failing }, { bytes: gibibyte, path: `${folder.path}/four/a` });
    await expect(made).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await exists(`${folder.path}/four/a`)).toBe(false);
    expect(await listFolder(`${folder.path}/four`)).toEqual(["partial"]);
    expect(await listFolder(facts.partial)).toEqual([]);
  });
});
