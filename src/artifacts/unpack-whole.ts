/** Unpacks a compressed file into memory, piece by piece so that the thread can serve others in between. */
import { createGunzip, createZstdDecompress } from "node:zlib";
import { Breather } from "../base/breather.ts";

const chunkSize = 64 * 1024;
const unpackers = { gzip: createGunzip, zstd: createZstdDecompress } as const;

/** @param most limit in bytes of the result @throws if the input is damaged or unpacks to more */
export async function unpackWhole(input: Uint8Array, by: keyof typeof unpackers, most: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of piecesOf(input, by)) {
    bytes += chunk.length;
    if (bytes > most) throw new Error(`it unpacks to more than ${most} bytes`);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}

/** @throws if the input is damaged or doesn't unpack to exactly `size` bytes */
export async function unpackExactly(input: Uint8Array, by: keyof typeof unpackers, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size);
  let at = 0;
  for await (const chunk of piecesOf(input, by)) {
    if (at + chunk.length > size) throw new Error(`it unpacks to more than ${size} bytes`);
    whole.set(chunk, at);
    at += chunk.length;
  }
  if (at < size) throw new Error(`it unpacks to ${at} bytes instead of ${size}`);
  return whole;
}

async function* piecesOf(input: Uint8Array, by: keyof typeof unpackers): AsyncGenerator<Buffer, void, void> {
  const unpacker = unpackers[by]({ chunkSize });
  const breather = new Breather();
  const feeding = feed(unpacker, input);
  try {
    for await (const chunk of unpacker) {
      yield chunk as Buffer;
      await breather.rest();
    }
  } finally {
    unpacker.destroy();
    await feeding;
  }
}

/** Feeds it in pieces too: input that unpacks to nothing would be processed in one go. */
async function feed(unpacker: ReturnType<typeof createGunzip>, input: Uint8Array): Promise<void> {
  for (let at = 0; at < input.length && !unpacker.destroyed; at += chunkSize) {
    const { promise, resolve } = Promise.withResolvers<void>();
    unpacker.once("close", resolve);
    unpacker.write(input.subarray(at, at + chunkSize), () => resolve());
    await promise;
    unpacker.off("close", resolve);
  }
  if (!unpacker.destroyed) unpacker.end();
}
