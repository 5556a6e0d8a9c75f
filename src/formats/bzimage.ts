/**
 * The x86 boot protocol's setup header (Linux Documentation/arch/x86/boot.rst): where the compressed ELF kernel is in a
 * bzImage. Pure; the file is untrusted.
 */

export type Payload = { /** compressed bytes */ bytes: Uint8Array; compression: Compression };
export type Compression = "gzip" | "bzip2" | "lzma" | "xz" | "lzo" | "lz4" | "zstd" | "none";

const magics: readonly { compression: Compression; bytes: readonly number[] }[] = [
  { compression: "gzip", bytes: [0x1f, 0x8b, 0x08] },
  { compression: "bzip2", bytes: [0x42, 0x5a, 0x68] },
  { compression: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { compression: "lzma", bytes: [0x5d, 0x00, 0x00] },
  { compression: "lzo", bytes: [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a] },
  { compression: "lz4", bytes: [0x02, 0x21, 0x4c, 0x18] },
  { compression: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { compression: "none", bytes: [0x7f, 0x45, 0x4c, 0x46] },
];

/** Where the kernel is in the image, or what is wrong with it, as a clause. */
export function findPayload(image: Uint8Array): { problem: string } | Payload {
  if (startsWith(image, magics.at(-1)?.bytes ?? [])) return { bytes: image, compression: "none" };
  if (image.length < 0x260) return { problem: "it is too short for a kernel" };
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (view.getUint16(0x1fe, true) !== 0xaa55 || view.getUint32(0x202, true) !== 0x53726448) {
    return { problem: "it has no x86 setup header" };
  }
  const protocol = view.getUint16(0x206, true);
  if (protocol < 0x208) return { problem: `its boot protocol 0x${protocol.toString(16)} is older than 0x208` };
  const sectors = view.getUint8(0x1f1) || 4;
  const start = (sectors + 1) * 512 + view.getUint32(0x248, true);
  const length = view.getUint32(0x24c, true);
  if (length < 16 || start + length > image.length) return { problem: "it is cut short" };
  const bytes = image.subarray(start, start + length);
  const compression = magics.find((magic) => startsWith(bytes, magic.bytes))?.compression;
  return compression ? { bytes, compression } : { problem: "its compression is unknown" };
}

/**
 * The unpacked size, 4 bytes little-endian, which the kernel build appends to every payload. With gzip they are part of
 * the format.
 */
export function statedSize(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(payload.length - 4, true);
}

/** What is wrong with an uncompressed kernel, or null. VMMs boot a 64-bit x86 ELF executable directly. */
export function elfProblem(elf: Uint8Array): string | null {
  if (elf.length < 64 || !startsWith(elf, [0x7f, 0x45, 0x4c, 0x46])) return "it does not unpack to an ELF file";
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  if (elf[4] !== 2 || view.getUint16(18, true) !== 62) return "it is not for x86-64";
  const programHeaders = Number(view.getBigUint64(32, true));
  const count = view.getUint16(56, true);
  if (count === 0 || programHeaders + count * 56 > elf.length) return "its ELF headers are cut short";
  for (let i = 0; i < count; i++) {
    const at = programHeaders + i * 56;
    const end = view.getBigUint64(at + 8, true) + view.getBigUint64(at + 32, true);
    if (end > BigInt(elf.length)) return "its ELF segments are cut short";
  }
  return null;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}
