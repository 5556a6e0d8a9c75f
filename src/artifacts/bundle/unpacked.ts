/** A bundle's file, decompressed and checked against its manifest. */
import { readStream } from "../../host/files/files.ts";
import { CountedStream } from "../counted.ts";
import { decompressed } from "../decompress.ts";
import { BundleError, type BundleFile } from "./manifest.ts";

/** @throws BundleError if it does not match the manifest, at its end at the latest */
export async function* unpackedFile(path: string, { file, tar }: BundleFile): AsyncGenerator<Uint8Array, void, void> {
  const counted = new CountedStream(tar.size, () => {});
  for await (const chunk of decompressed(readStream(path))) {
    if (!counted.add(chunk)) throw new BundleError(`${file} is longer than ${tar.size} bytes when unpacked`);
    yield chunk;
  }
  const found = counted.digest();
  if (found !== tar.digest) throw new BundleError(`${file} is ${found} instead of ${tar.digest} when unpacked`);
}
