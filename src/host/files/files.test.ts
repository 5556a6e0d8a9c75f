import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { Deferred } from "../../base/async.ts";
import { tempFolder } from "../testing/temp.ts";
import * as files from "./files.ts";
import { usedBytes } from "./used-bytes.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("reading", () => {
  test("whole, with a limit; a missing file is null only in the IfAny variants", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/f`;
    fs.writeFileSync(path, "grüße");
    expect(await files.readText(path)).toBe("grüße");
    expect(await files.readText(path, 7)).toBe("grüße");
    await expect(files.readText(path, 6)).rejects.toMatchObject({ code: "FILE_INVALID" });
    expect(await files.readTextIfAny(`${path}/none`)).toBeNull();
    expect(await files.readTextIfAny(`${folder.path}/none`)).toBeNull();
    await expect(files.readText(`${folder.path}/none`)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("files whose size is reported as 0", async () => {
    expect(await files.readText("/proc/self/status")).toContain("Name:");
    await expect(files.readBytes("/proc/self/status", 10)).rejects.toMatchObject({ code: "FILE_INVALID" });
    expect((await files.readText("/proc/kallsyms", 64 * 1024 * 1024)).length).toBeGreaterThan(4096);
  });

  test("tails and ranges", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/f`;
    fs.writeFileSync(path, "0123456789");
    expect(text(await files.tailBytes(path, 4))).toBe("6789");
    expect(text(await files.tailBytes(path, 100))).toBe("0123456789");
    expect((await files.tailBytes(`${path}.none`, 4)).length).toBe(0);
    const chunks = await Array.fromAsync(files.readStream(path, { from: 2, to: 5 }));
    expect(chunks.map(text).join("")).toBe("234");
    expect((await Array.fromAsync(files.readStream(path, { from: 8 }))).map(text).join("")).toBe("89");
  });
});

describe("writing", () => {
  test("atomic: mode, replacement, nothing left of a failed write", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/f`;
    await files.writeAtomic(path, "one");
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    await files.writeAtomic(path, "two", 0o644);
    expect([fs.readFileSync(path, "utf8"), fs.statSync(path).mode & 0o777]).toEqual(["two", 0o644]);
    fs.mkdirSync(`${folder.path}/folder/inside`, { recursive: true });
    await expect(files.writeAtomic(`${folder.path}/folder`, "x")).rejects.toThrow();
    expect(fs.readdirSync(folder.path).sort()).toEqual(["f", "folder"]);
  });

  test("sinks create new files only, and abort removes them", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/f`;
    const sink = await files.openWrite(path);
    await sink.write(Buffer.from("a"));
    await sink.write(Buffer.from("b"));
    await sink.close();
    expect(fs.readFileSync(path, "utf8")).toBe("ab");
    const error = await files.openWrite(path).catch((caught: unknown) => caught);
    expect(files.isTaken(error)).toBe(true);
    const second = await files.openWrite(`${path}2`);
    await second.write(Buffer.from("x"));
    await second.abort();
    await second.abort();
    expect(fs.readdirSync(folder.path)).toEqual(["f"]);
  });

  test("folders, removal, renames", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/a/b`;
    await files.ensureFolder(path);
    await files.ensureFolder(path);
    expect(fs.statSync(path).mode & 0o777).toBe(0o700);
    fs.writeFileSync(`${path}/f`, "x");
    await files.renameDurable(path, `${folder.path}/c`);
    expect(await files.listFolder(`${folder.path}/c`)).toEqual(["f"]);
    fs.symlinkSync(`${folder.path}/c`, `${folder.path}/link`);
    await files.removeTree(`${folder.path}/link`);
    expect(await files.exists(`${folder.path}/link`)).toBe(false);
    expect(await files.exists(`${folder.path}/c/f`)).toBe(true);
    await files.removeTree(`${folder.path}/c`);
    await files.removeTree(`${folder.path}/c`);
    expect(await files.exists(`${folder.path}/c/f`)).toBe(false);
    expect(files.tempPath("/x", "l")).toMatch(/^\/x\/l-[0-9a-f]{16}$/);
  });
});

describe("sizes", () => {
  test("holes are not counted, and a copy keeps them", async () => {
    using folder = tempFolder();
    const [from, to] = [`${folder.path}/from`, `${folder.path}/to`];
    await (await files.openWrite(from)).close();
    await files.truncateTo(from, 64 * 1024 * 1024);
    fs.writeSync(fs.openSync(from, "r+"), "data", 32 * 1024 * 1024);
    await files.copySparse(from, to);
    expect(await files.sizeOf(to)).toBe(64 * 1024 * 1024);
    expect(await usedBytes(to)).toBeLessThan(1024 * 1024);
    expect(await files.sha256File(to)).toBe(await files.sha256File(from));
    expect(fs.statSync(to).mode & 0o077).toBe(0);
    expect(await usedBytes(folder.path)).toBeLessThan(2 * 1024 * 1024);
    expect(await usedBytes(`${folder.path}/none`)).toBe(0);
    expect(await files.freeBytes(folder.path)).toBeGreaterThan(0);
  });

  test("a copy never replaces, and a failed one leaves nothing", async () => {
    using folder = tempFolder();
    const [from, to] = [`${folder.path}/from`, `${folder.path}/to`];
    fs.writeFileSync(from, "x");
    await files.copySparse(from, to);
    await expect(files.copySparse(from, to)).rejects.toMatchObject({ code: "EEXIST" });
    await expect(files.copySparse(`${from}.none`, `${to}2`)).rejects.toMatchObject({ code: "ENOENT" });
    expect(fs.readdirSync(folder.path).sort()).toEqual(["from", "to"]);
  });

  test("a copy that shares blocks is a copy, or is not made", async () => {
    using folder = tempFolder();
    const [from, to] = [`${folder.path}/from`, `${folder.path}/to`];
    fs.writeFileSync(from, "new");
    fs.writeFileSync(to, "old");
    const isShared = await files.shareBlocks(from, to);
    expect(fs.existsSync(to) ? fs.readFileSync(to, "utf8") : null).toBe(isShared ? "new" : null);
    await expect(files.shareBlocks(`${from}.none`, to)).rejects.toMatchObject({ code: "ENOENT" });
    expect(fs.existsSync(to)).toBe(false);
  });

  test("a file that disappears before its blocks are copied is reported as missing", async () => {
    using folder = tempFolder();
    const [from, to] = [`${folder.path}/from`, `${folder.path}/to`];
    // on another file system, so that blocks can't be shared
    fs.symlinkSync("/proc/self/status", from);
    const copied = files.copySparse(from, to, () => fs.unlinkSync(from));
    await expect(copied).rejects.toMatchObject({ code: "ENOENT" });
    expect(fs.readdirSync(folder.path)).toEqual([]);
  });
});

test("a watcher is called when a file is created, written and replaced", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/f`;
  let heard = new Deferred<void>();
  const watch = files.watchFile(path, () => heard.resolve());
  for (const change of [
    () => fs.writeFileSync(path, "1"),
    () => fs.appendFileSync(path, "2"),
    () => {
      fs.writeFileSync(`${path}.new`, "3");
      fs.renameSync(`${path}.new`, path);
    },
  ]) {
    heard = new Deferred<void>();
    change();
    await heard.promise;
  }
  watch.close();
});
