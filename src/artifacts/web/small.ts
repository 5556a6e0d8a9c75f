/** Reads small HTTP answers completely. */
import type { IncomingAnswer } from "../../host/net/http-fetch.ts";

/** Null if it is longer than `maxBytes`. */
export async function readSmallBytes(answer: IncomingAnswer, maxBytes: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk.slice());
  }
  return Buffer.concat(chunks);
}

export async function readSmall(answer: IncomingAnswer, maxBytes: number): Promise<string | null> {
  const bytes = await readSmallBytes(answer, maxBytes);
  return bytes && new TextDecoder().decode(bytes);
}
