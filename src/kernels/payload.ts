/** Extracts the ELF kernel from a bzImage. */
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { mustSucceed } from "../artifacts/tools.ts";
import { unpackExactly } from "../artifacts/unpack-whole.ts";
import { fail } from "../base/errors/error.ts";
import { elfProblem, findPayload, type Payload, statedSize } from "../formats/bzimage.ts";
import { unpackLegacyLz4 } from "../formats/lz4.ts";

/** Most bytes of an uncompressed kernel: distribution kernels have 50-70 MiB. */
const maxKernel = 512 * 1024 * 1024;

type Unpacking = Pick<ArtifactDeps, "exec" | "cage">;

/** @param name the kernel's name, for errors @throws KERNEL_UNUSABLE, TOOL_MISSING, TOOL_FAILED */
export async function extractKernel(deps: Unpacking, name: string, image: Uint8Array): Promise<Uint8Array> {
  const found = findPayload(image);
  if ("problem" in found) throw fail("KERNEL_UNUSABLE", { name, problem: found.problem });
  const elf = await unpack(deps, name, found);
  const problem = elfProblem(elf);
  if (problem) throw fail("KERNEL_UNUSABLE", { name, problem });
  return elf;
}

async function unpack(deps: Unpacking, name: string, { bytes, compression }: Payload): Promise<Uint8Array> {
  if (compression === "none") return bytes;
  const size = statedSize(bytes);
  if (size > maxKernel) throw fail("KERNEL_UNUSABLE", { name, problem: `it would unpack to ${size} bytes` });
  const body = bytes.subarray(0, bytes.length - 4);
  try {
    if (compression === "lz4") return await unpackLegacyLz4(body, size);
    if (compression === "gzip") return await unpackExactly(bytes, "gzip", size);
    if (compression === "zstd") return await unpackExactly(body, "zstd", size);
  } catch (cause) {
    throw fail("KERNEL_UNUSABLE", { name, problem: "its compressed payload is damaged" }, cause);
  }
  const tools: Partial<Record<typeof compression, string[]>> = {
    xz: ["xz", "--decompress", "--stdout", "--single-stream"],
    lzma: ["xz", "--format=lzma", "--decompress", "--stdout"],
    bzip2: ["bzip2", "--decompress", "--stdout"],
    lzo: ["lzop", "--decompress", "--stdout"],
  };
  const argv = tools[compression];
  if (!argv) throw fail("KERNEL_UNUSABLE", { name, problem: `${compression} compression is not supported` });
  const cage = await deps.cage.around(argv[0] ?? "", {});
  return mustSucceed(await deps.exec(argv, { input: body, maxBytes: maxKernel, cage })).stdout;
}
