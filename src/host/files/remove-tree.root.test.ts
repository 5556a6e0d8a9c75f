import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { gate, gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { clearTree } from "./clear-tree.ts";
import { removeTree } from "./remove-tree.ts";

const sh = (...argv: string[]) => Bun.spawnSync(argv, { stderr: "pipe" }).exitCode;

gatedTest("root", "a mount below stays, the rest goes, and the error says which path and what to type", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/vm`;
  fs.mkdirSync(`${path}/a/mount`, { recursive: true });
  fs.writeFileSync(`${path}/disk`, "");
  expect(sh("mount", "-t", "tmpfs", "none", `${path}/a/mount`)).toBe(0);
  fs.writeFileSync(`${path}/a/mount/mine`, "");
  fs.chmodSync(`${path}/a`, 0o040);
  try {
    expect(await clearTree(path)).toEqual({ path: `${path}/a/mount`, errno: "EBUSY" });
    // root needs no right on it: its mode shows that the others' would have been repaired
    expect(fs.statSync(`${path}/a`).mode & 0o777).toBe(0o740);
    expect(fs.readdirSync(path)).toEqual(["a"]);
    expect(fs.readdirSync(`${path}/a/mount`)).toEqual(["mine"]);
    await expect(removeTree(path)).rejects.toMatchObject({
      code: "NOT_REMOVED",
      message: expect.stringContaining(`${path}/a/mount can't be removed`),
      hint: expect.stringContaining(`sudo umount ${path}/a/mount`),
    });
  } finally {
    sh("umount", `${path}/a/mount`);
  }
  await removeTree(path);
  expect(fs.existsSync(path)).toBe(false);
});

/** Not every file system has these flags. */
function hasFlags(): boolean {
  using folder = tempFolder();
  const file = `${folder.path}/f`;
  fs.writeFileSync(file, "");
  const can = sh("chattr", "+i", file) === 0;
  sh("chattr", "-i", file);
  return can;
}

const reason = gate("root") ?? (hasFlags() ? null : "the file system has no immutable flag");

test.skipIf(reason !== null)(
  `an immutable file stays, the rest goes${reason ? ` (skipped: ${reason})` : ""}`,
  async () => {
    using folder = tempFolder();
    const path = `${folder.path}/vm`;
    fs.mkdirSync(`${path}/a`, { recursive: true });
    for (const file of ["a/fixed", "a/other", "disk"]) fs.writeFileSync(`${path}/${file}`, "");
    expect(sh("chattr", "+i", `${path}/a/fixed`)).toBe(0);
    try {
      await expect(removeTree(path)).rejects.toMatchObject({
        code: "NOT_REMOVED",
        message: expect.stringContaining(`${path}/a/fixed can't be removed`),
        hint: expect.stringContaining(`sudo chattr -R -i -a ${path}`),
      });
      expect(fs.readdirSync(path, { recursive: true })).toEqual(["a", "a/fixed"]);
    } finally {
      sh("chattr", "-i", `${path}/a/fixed`);
    }
    await removeTree(path);
    expect(fs.existsSync(path)).toBe(false);
  },
);
