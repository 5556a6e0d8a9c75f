/** The beginning of a file, for recognizing its format. */
import { readStream } from "../host/files/files.ts";

/** At most the first `bytes` bytes, fewer if the file is shorter. */
export async function readHead(path: string, bytes: number): Promise<Uint8Array> {
  for await (const chunk of readStream(path, { to: bytes })) return chunk;
  return new Uint8Array();
}
