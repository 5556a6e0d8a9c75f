/** Sends a disk's file as a tar stream with one member, without its holes. */
import { maxSparseParts, sparseHead } from "../../formats/tar/sparse-writer.ts";
import { endOfArchive, padding } from "../../formats/tar/writer.ts";
import { readStream } from "../../host/files/files.ts";
import { dataParts } from "../../host/files/sparse-read.ts";

/** The disk was written to while it was being sent. */
export class DiskChanged extends Error {
  constructor() {
    super("it changed while it was being read");
    this.name = "DiskChanged";
  }
}

/** @throws DiskChanged */
export async function* diskTar(path: string): AsyncGenerator<Uint8Array, void, void> {
  const { size, parts } = await dataParts(path, maxSparseParts);
  const entry = { name: "disk", kind: "file", mode: 0o600, uid: 0, gid: 0, mtime: 0, size, link: "" } as const;
  yield sparseHead(entry, parts);
  let stored = 0;
  for (const { offset, length } of parts) {
    let read = 0;
    for await (const chunk of readStream(path, { from: offset, to: offset + length })) {
      read += chunk.length;
      yield chunk;
    }
    if (read !== length) throw new DiskChanged();
    stored += length;
  }
  yield padding(stored);
  yield endOfArchive;
}
