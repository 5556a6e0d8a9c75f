/** Holes in files: parts that read as zeros and take no blocks. */
import * as fs from "node:fs/promises";
import { nextData, nextHole, punchHole } from "../libc.ts";

const blockBytes = 4096;
const pieceBytes = 1024 * 1024;
const zeros = Buffer.alloc(blockBytes);

/** Turns each block of zeros into a hole. Where the file system has no holes, the file stays as it is. */
export async function digHoles(path: string): Promise<void> {
  const file = await fs.open(path, "r+");
  try {
    const { size } = await file.stat();
    const piece = Buffer.allocUnsafe(pieceBytes);
    for (let at = nextData(file.fd, 0); at >= 0 && at < size; at = nextData(file.fd, at)) {
      const end = Math.min(nextHole(file.fd, at), size);
      for (let from = at; from < end; from += pieceBytes)
        await digPiece(file, piece, from, Math.min(pieceBytes, end - from));
      at = end;
    }
  } finally {
    await file.close();
  }
}

/** Frees the blocks of all but the last `kept` bytes; the size stays, so a writer that keeps its own position can go on. */
export async function freeStart(path: string, kept: number): Promise<void> {
  const file = await fs.open(path, "r+");
  try {
    const { size } = await file.stat();
    const end = Math.floor((size - kept) / blockBytes) * blockBytes;
    if (end > 0) punchHole(file.fd, 0, end);
  } finally {
    await file.close();
  }
}

async function digPiece(file: fs.FileHandle, piece: Buffer, offset: number, length: number): Promise<void> {
  const { bytesRead } = await file.read(piece, 0, length, offset);
  let start = -1;
  for (let at = 0; at < bytesRead; at += blockBytes) {
    const isZero = isEmpty(piece, at, Math.min(at + blockBytes, bytesRead));
    if (isZero && start < 0) start = at;
    if (isZero || start < 0) continue;
    punchHole(file.fd, offset + start, at - start);
    start = -1;
  }
  if (start >= 0) punchHole(file.fd, offset + start, bytesRead - start);
}

function isEmpty(piece: Buffer, from: number, to: number): boolean {
  return piece.compare(zeros, 0, to - from, from, to) === 0;
}
