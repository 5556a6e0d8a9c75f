import { expect, test } from "bun:test";
import { memoryLogger } from "../host/testing/log.ts";
import { SocketKeeper, type SocketWorld } from "./socket-keeper.ts";

/** An in-memory folder: file names and what each one is, with one watcher. */
class Names implements SocketWorld {
  readonly files = new Map<string, number>();
  readonly listening = new Set<number>();
  readonly foreign = new Set<string>();
  folderCanBeMade = true;
  watched = "";
  #changed: () => void = () => {};
  #next = 1;

  async listen(path: string) {
    expect(this.files.has(path)).toBe(false);
    const id = this.#next++;
    this.files.set(path, id);
    this.listening.add(id);
    return { stopListening: () => {}, close: async () => void this.listening.delete(id) };
  }
  async ensureFolder() {
    if (!this.folderCanBeMade) throw new Error("no such folder");
  }
  async rename(from: string, to: string) {
    this.files.set(to, this.files.get(from) ?? 0);
    this.files.delete(from);
  }
  async remove(path: string) {
    this.files.delete(path);
  }
  async identityOf(path: string) {
    return this.files.has(path) ? String(this.files.get(path)) : null;
  }
  async isForeign(path: string) {
    return this.foreign.has(path);
  }
  watch(folder: string, onChange: () => void) {
    this.watched = folder;
    this.#changed = onChange;
    return { close: () => {} };
  }
  async change(): Promise<void> {
    this.#changed();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

async function opened() {
  const names = new Names();
  names.files.set("/r/b.sock", 77);
  names.files.set("/r/b.soc~", 78);
  const keeper = new SocketKeeper("/r/b.sock", names, memoryLogger());
  await keeper.open();
  return { names, keeper };
}

test("replaces what a dead daemon left, in one step", async () => {
  const { names, keeper } = await opened();
  expect([...names.files]).toEqual([["/r/b.sock", 1]]);
  expect(names.watched).toBe("/r");
  await keeper.close();
  expect([...names.files]).toEqual([]);
  expect(names.listening.size).toBe(0);
});

test("a change that leaves the socket in its place changes nothing", async () => {
  const { names } = await opened();
  await names.change();
  expect([...names.files.values()]).toEqual([1]);
});

test("a socket that was removed is created again, and all are closed at the end", async () => {
  const { names, keeper } = await opened();
  names.files.clear();
  await names.change();
  expect([...names.files]).toEqual([["/r/b.sock", 2]]);
  expect([...names.listening]).toEqual([1, 2]);
  await keeper.close();
  expect(names.listening.size).toBe(0);
});

test("while its folder can't be created it waits, and the socket is created with the folder", async () => {
  const { names } = await opened();
  names.files.clear();
  names.folderCanBeMade = false;
  await names.change();
  expect(names.files.size).toBe(0);
  names.folderCanBeMade = true;
  await names.change();
  expect([...names.files]).toEqual([["/r/b.sock", 2]]);
});

test("a socket that another daemon put there is not removed at the end", async () => {
  const { names, keeper } = await opened();
  names.files.set("/r/b.sock", 99);
  await keeper.close();
  expect(names.files.get("/r/b.sock")).toBe(99);
});

test("something other than a socket in its place is an error, and is left alone", async () => {
  const names = new Names();
  names.foreign.add("/r/b.sock");
  names.files.set("/r/b.sock", 5);
  const opening = new SocketKeeper("/r/b.sock", names, memoryLogger()).open();
  await expect(opening).rejects.toMatchObject({ code: "FILE_INVALID" });
  expect([...names.files]).toEqual([["/r/b.sock", 5]]);
});
