/** Small tar streams for tests. */
import type { TarEntry } from "../header.ts";
import { encodeHeader, endOfArchive, padding } from "../writer.ts";

/** No limits: for streams that a test made itself. */
export const anyTar = { entries: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

export type Member = { entry: TarEntry; content?: Uint8Array };

const plain = { uid: 0, gid: 0, mtime: 1_700_000_000 };

export function folder(name: string, mode = 0o755): Member {
  return { entry: { ...plain, name, kind: "folder", mode, size: 0, link: "" } };
}

export function file(name: string, text: string | Uint8Array, mode = 0o644): Member {
  const content = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return { entry: { ...plain, name, kind: "file", mode, size: content.length, link: "" }, content };
}

export function symlink(name: string, link: string): Member {
  return { entry: { ...plain, name, kind: "symlink", mode: 0o777, size: 0, link } };
}

export function fifo(name: string): Member {
  return { entry: { ...plain, name, kind: "fifo", mode: 0o644, size: 0, link: "" } };
}

/** The whole stream as one buffer. */
export function archive(members: readonly Member[], end: Uint8Array = endOfArchive): Uint8Array {
  const parts = members.flatMap(({ entry, content }) => [
    encodeHeader(entry),
    ...(content ? [content, padding(content.length)] : []),
  ]);
  return new Uint8Array(Buffer.concat([...parts, end]));
}

/** A buffer as a stream of chunks whose sizes repeat in this order. */
export async function* chunked(
  bytes: Uint8Array,
  sizes: readonly number[] = [65_536],
): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of stream) parts.push(chunk.slice());
  return new Uint8Array(Buffer.concat(parts));
}
