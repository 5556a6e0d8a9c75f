/** The change to the packed file, as the squashfs tools read it. */
import { expect } from "bun:test";
import { archive, file, folder } from "../formats/tar/testing/archive.ts";
import { withRandomAccess } from "../host/files/random-access.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { giveRootToRoot } from "./squashfs-root.ts";

const exec = createExec(process.env as Record<string, string>);

/** Root's own inode comes last, so the number of files decides where in its metadata block it lies. */
async function packed(path: string, files: number, options: string[]): Promise<void> {
  const names = Array.from({ length: files }, (_, i) => file(`d/file-${i}`, ""));
  const owned = { entry: { ...file("other", "").entry, uid: 1234, gid: 4321 } };
  const input = archive([folder("d"), owned, ...names]);
  const made = await exec(["sqfstar", "-comp", "lz4", "-quiet", "-no-progress", ...options, path], { input });
  expect(made.exitCode).toBe(0);
}

async function ownersIn(path: string): Promise<string[]> {
  const listed = await exec(["unsquashfs", "-lln", path]);
  const lines = new TextDecoder().decode(listed.stdout).split("\n");
  return lines.filter((line) => /squashfs-root(\/other)?$/.test(line)).map((line) => line.split(/ +/)[1] as string);
}

/** When the packer runs as root, its root folder belongs to root already: so another owner is set first. */
async function disown(path: string): Promise<void> {
  await withRandomAccess(path, (real) =>
    giveRootToRoot({
      ...real,
      // Ids 0 and 4321 are swapped, so that the search for 0 finds 4321.
      readAt: async (offset, length) => {
        const bytes = new Uint8Array(await real.readAt(offset, length));
        const view = new DataView(bytes.buffer);
        for (let at = 0; length % 4 === 0 && length <= 16 && at < length; at += 4) {
          const id = view.getUint32(at, true);
          if (id === 0 || id === 4321) view.setUint32(at, id === 0 ? 4321 : 0, true);
        }
        return length === 8 ? real.readAt(offset, length) : bytes;
      },
    }),
  );
}

gatedTest(
  "tool:sqfstar",
  "the root folder becomes root's wherever its inode lies, and nothing else changes",
  async () => {
    using temp = tempFolder();
    for (const files of [0, 1, 5, 160, 161, 162, 163, 164, 165, 170, 255, 256, 257, 1000]) {
      const path = `${temp.path}/${files}.sqfs`;
      await packed(path, files, ["-noI"]);
      await disown(path);
      expect(await ownersIn(path)).toEqual(["4321/4321", "1234/4321"]);
      expect(await withRandomAccess(path, giveRootToRoot)).toBe(true);
      expect(await ownersIn(path)).toEqual(["0/0", "1234/4321"]);
    }
  },
);

gatedTest("tool:sqfstar", "compressed tables are left alone", async () => {
  using temp = tempFolder();
  const path = `${temp.path}/c.sqfs`;
  await packed(path, 500, []);
  expect(await withRandomAccess(path, giveRootToRoot)).toBe(false);
});
