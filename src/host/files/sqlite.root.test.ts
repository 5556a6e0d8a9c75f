/** A database on a completely full disk: a tmpfs of its own. */
import { expect } from "bun:test";
import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { Reserve } from "./reserve.ts";
import { openDatabase } from "./sqlite.ts";

async function onSmallDisk(work: (folder: string, fill: () => void) => Promise<void>): Promise<void> {
  using temp = tempFolder();
  const folder = `${temp.path}/disk`;
  mkdirSync(folder);
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder]);
  if (mounted.exitCode !== 0) throw new Error(mounted.stderr.toString());
  const fill = () => {
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(`${folder}/ballast`, new Uint8Array(bavail * bsize));
    expect(statfsSync(folder).bavail).toBe(0);
  };
  try {
    await work(folder, fill);
  } finally {
    Bun.spawnSync(["umount", "-l", folder]);
  }
}

const rows = (count: number) => Array.from({ length: count }, (_, at) => at);

gatedTest("root", "rows change and go on a full disk, over closing and opening", () =>
  onSmallDisk(async (folder, fill) => {
    const path = `${folder}/db`;
    const first = openDatabase(path);
    first.run("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
    for (const id of rows(20)) first.run("INSERT INTO t VALUES (?, 'x')", id);
    fill();
    const change = (db = first) => {
      for (const at of rows(3000)) db.run("UPDATE t SET text = ? WHERE id = ?", `changed ${at}`, at % 20);
    };
    change();
    first.close();
    const second = openDatabase(path);
    change(second);
    for (const id of rows(20)) second.run("DELETE FROM t WHERE id = ?", id);
    expect(second.all("SELECT * FROM t")).toEqual([]);
    second.close();
  }),
);

gatedTest("root", "what is more than that gets the reserve, once, and is refused when that is used up", () =>
  onSmallDisk(async (folder, fill) => {
    const reserve = new Reserve(`${folder}/reserve`, 4 * 1024 * 1024);
    await reserve.refill();
    let released = 0;
    const db = openDatabase(`${folder}/db`, { makeRoom: () => reserve.release() && ++released > 0 });
    db.run("CREATE TABLE t (data BLOB)");
    fill();
    await reserve.refill();
    db.transaction(() => db.run("INSERT INTO t VALUES (zeroblob(3500000))"));
    expect(released).toBe(1);
    const more = () => db.run("INSERT INTO t VALUES (zeroblob(9000000))");
    expect(more).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
    expect(released).toBe(1);
    db.close();
  }),
);
