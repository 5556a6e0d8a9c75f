/** A disk that does not fit on a small tmpfs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { listFolder } from "../host/files/files.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gate } from "../host/testing/gate.ts";
import { createDataDisk } from "./disk.ts";
import { makeTempFolder } from "./testing/temp.ts";

const skip = gate("root") ?? gate("tool:mkfs.ext4");
const folder = makeTempFolder("full");
const exec = createExec({});
let tiny = "";

describe.skipIf(skip !== null)("a full file system", () => {
  beforeAll(async () => {
    tiny = await folder.make("tiny");
    const mounted = await exec(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", tiny]);
    expect(mounted.exitCode).toBe(0);
  });
  afterAll(async () => {
    await exec(["umount", tiny]);
    folder.remove();
  });

  test("is reported as DISK_FULL and leaves no partial file, at any step", async () => {
    const roomy = await folder.make("roomy");
    const bytes = 8 * 2 ** 30;
    const cases = [
      { blankDisk: () => `${tiny}/blank`, partial: tiny, path: `${tiny}/disk` },
      { blankDisk: () => `${roomy}/blank`, partial: roomy, path: `${tiny}/disk` },
    ];
    for (const { blankDisk, partial, path } of cases) {
      await expect(
        createDataDisk({ exec, blankDisk, partial, blanks: new Map() }, { bytes, path }),
      ).rejects.toMatchObject({
        code: "DISK_FULL",
      });
      expect(await listFolder(tiny)).toEqual([]);
    }
  });
});
