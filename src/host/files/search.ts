/** Looks for bytes in a file. */
import { readStream } from "./files.ts";

/** Whether the file has `text` (ASCII) in it. Reads it in pieces. */
export async function contains(path: string, text: string): Promise<boolean> {
  let end = Buffer.alloc(0);
  for await (const chunk of readStream(path)) {
    const piece = Buffer.concat([end, chunk]);
    if (piece.includes(text)) return true;
    end = piece.subarray(Math.max(0, piece.length - text.length + 1));
  }
  return false;
}
