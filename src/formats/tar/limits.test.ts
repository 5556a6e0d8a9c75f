/** Each limit on an untrusted tar stream: at it, and one past it; and how much was read before the refusal. */
import { expect, test } from "bun:test";
import { tarEvents } from "./events.ts";
import { TarError } from "./header.ts";
import { paxRecord } from "./pax.ts";
import { maxTail, type TarLimits } from "./scanner.ts";
import { anyTar, archive, chunked, file, folder, symlink } from "./testing/archive.ts";
import { encodeHeader, endOfArchive, padding } from "./writer.ts";

async function read(source: AsyncIterable<Uint8Array>, limits: Partial<TarLimits>): Promise<string[]> {
  const names: string[] = [];
  for await (const event of tarEvents(source, { ...anyTar, ...limits })) {
    if (event.kind === "entry") names.push(event.entry.name);
  }
  return names;
}

const members = [folder("a"), symlink("b", "a"), file("a", "x")];
const whole = archive(members);

test("entries of every kind count, with any name", async () => {
  expect(await read(chunked(whole), { entries: 3 })).toEqual(["a", "b", "a"]);
  await expect(read(chunked(whole), { entries: 2 })).rejects.toMatchObject({ problem: "it contains too many files" });
});

test("bytes of the stream: headers, content and padding", async () => {
  for (const sizes of [[65_536], [1, 700]]) {
    expect(await read(chunked(whole, sizes), { bytes: whole.length })).toHaveLength(3);
    const reading = read(chunked(whole, sizes), { bytes: whole.length - 1 });
    await expect(reading).rejects.toMatchObject({ problem: "it is too large" });
  }
});

/** `bytes` zeros behind the end marker, in small chunks; `sent` is how many were asked for. */
function withTail(bytes: number): { source: AsyncIterable<Uint8Array>; state: { sent: number; isClosed: boolean } } {
  const state = { sent: 0, isClosed: false };
  async function* source() {
    try {
      yield whole;
      while (state.sent < bytes) {
        const chunk = new Uint8Array(Math.min(4096, bytes - state.sent));
        state.sent += chunk.length;
        yield chunk;
      }
    } finally {
      state.isClosed = true;
    }
  }
  return { source: source(), state };
}

test("the limits that callers do not set", async () => {
  expect(maxTail).toBe(1024 * 1024);
  // one block of header, and 1 MiB minus that of records
  const records = (bytes: number) => paxRecord("k", "v".repeat(bytes - paxRecord("k", "").length - 6));
  for (const past of [0, 1]) {
    const most = 1024 * 1024 - 512 + past;
    const record = records(most);
    expect(record).toHaveLength(most);
    const extension = Buffer.concat([paxHead(record.length), record, padding(record.length)]);
    // each entry has the full limit
    const stream = new Uint8Array(
      Buffer.concat([extension, archive([file("a", "")], new Uint8Array()), extension, whole]),
    );
    const reading = read(chunked(stream), {});
    if (past === 0) expect(await reading).toHaveLength(4);
    else await expect(reading).rejects.toMatchObject({ problem: "an entry's extensions are too large" });
  }
});

/** The header of a pax extension with so many bytes of records. */
function paxHead(size: number): Uint8Array {
  const plain = { uid: 0, gid: 0, mtime: 0, mode: 0o644, link: "" };
  const head = encodeHeader({ ...plain, name: "x", kind: "file", size });
  head[156] = "x".charCodeAt(0);
  head.fill(0x20, 148, 156);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return head;
}

test("bytes behind the end marker; at the first past them the source is closed", async () => {
  expect(await read(withTail(maxTail).source, {})).toHaveLength(3);
  const past = withTail(maxTail + 1);
  await expect(read(past.source, {})).rejects.toMatchObject({ problem: "too much follows its end marker" });
  const endless = withTail(Number.POSITIVE_INFINITY);
  await expect(read(endless.source, {})).rejects.toBeInstanceOf(TarError);
  expect(endless.state).toEqual({ sent: maxTail + 4096, isClosed: true });
});

/** A file of that many zeros in one hole: a kilobyte of stream. */
function hole(bytes: number): Uint8Array {
  const plain = { uid: 0, gid: 0, mtime: 0, mode: 0o644, link: "" };
  const records = [
    paxRecord("GNU.sparse.major", "1"),
    paxRecord("GNU.sparse.minor", "0"),
    paxRecord("GNU.sparse.realsize", `${bytes}`),
    paxRecord("GNU.sparse.name", "h"),
  ];
  const extension = Buffer.concat(records);
  const head = encodeHeader({ ...plain, name: "x", kind: "file", size: extension.length });
  head[156] = "x".charCodeAt(0);
  head.fill(0x20, 148, 156);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  const map = Buffer.alloc(512);
  map.write("0\n");
  const body = encodeHeader({ ...plain, name: "h", kind: "file", size: map.length });
  return new Uint8Array(Buffer.concat([head, extension, padding(extension.length), body, map, endOfArchive]));
}

test("a hole counts with its full length, and is emitted in pieces", async () => {
  const sizeOf = async (bytes: number, limit: number) => {
    let size = 0;
    for await (const event of tarEvents(chunked(hole(bytes)), { ...anyTar, bytes: limit })) {
      if (event.kind === "data") size += event.chunk.length;
    }
    return size;
  };
  expect(await sizeOf(1_000_000, 1_000_000)).toBe(1_000_000);
  await expect(sizeOf(1_000_001, 1_000_000)).rejects.toMatchObject({ problem: "it is too large" });
  await expect(sizeOf(Number.MAX_SAFE_INTEGER, 1_000_000)).rejects.toMatchObject({ problem: "it is too large" });
});
