/** A bundle's file without its compression, held to what the manifest says of it. */
import { readStream } from "../../host/files/files.ts";
import { CountedStream } from "../counted.ts";
import { decompressed } from "../decompress.ts";
import { BundleError, type BundleFile } from "./manifest.ts";

/** @throws BundleError when it is another than was promised, at its end at the latest */
export async function* unpackedFile(path: string, { file, tar }: BundleFile): AsyncGenerator<Uint8Array, void, void> {
  const counted = new CountedStream(tar.size, () => {});
  for await (const chunk of decompressed(readStream(path))) {
    if (!counted.add(chunk)) throw new BundleError(`${file} is longer than ${tar.size} bytes when it is unpacked`);
    yield chunk;
  }
  const found = counted.digest();
  if (found !== tar.digest) throw new BundleError(`${file} is ${found} instead of ${tar.digest} when it is unpacked`);
}
