/** Makes a bundle for publishing: tar streams compressed by the zstd program, then a manifest that lists them. */
import { createHash } from "node:crypto";
import { fail } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import { ensureFolder } from "../../host/files/files.ts";
import { saveFile, unwritable } from "../../host/files/save-file.ts";
import { type PipedProcess, spawnPiped } from "../../host/process/children.ts";
import { CountedStream } from "../counted.ts";
import { lastLine, statusText } from "../tools.ts";
import { type BundleFile, rawFile } from "./manifest.ts";

export type BundlePart = {
  /** name in the manifest; `<part>.tar.zst` is its file */
  part: string;
  tar: AsyncIterable<Uint8Array>;
};

export type MadeBundle = {
  /** of the manifest */
  digest: Digest;
  /** bytes of the files that it lists */
  size: number;
};

/**
 * A level that costs the publisher some seconds and saves every reader some; a window of 16 MiB, which is what
 * unpacking takes of the reader's memory.
 */
const zstd = ["zstd", "-q", "-T0", "-10", "--long=24", "-c"];

/**
 * Existing files are replaced, the manifest last.
 * @param facts further fields of the manifest
 * @throws FILE_INVALID, DISK_FULL, TOOL_MISSING, TOOL_FAILED, and what the streams throw
 */
export async function makeBundle(
  folder: string,
  facts: Record<string, unknown>,
  parts: readonly BundlePart[],
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<MadeBundle> {
  try {
    await ensureFolder(folder, 0o777).catch((error: unknown) => {
      throw unwritable(error, folder);
    });
    const files: BundleFile[] = [];
    for (const { part, tar } of parts) {
      const before = files.reduce((sum, file) => sum + file.tar.size, 0);
      const file = `${part}.tar.zst`;
      files.push(await pack(`${folder}/${file}`, file, tar, (done) => onProgress(before + done), signal));
    }
    const named = parts.map(({ part }, at) => [part, rawFile(files[at] as BundleFile)] as const);
    const manifest = { format: 1, architecture: "amd64", ...facts, ...Object.fromEntries(named) };
    const bytes = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
    await saveFile(`${folder}/manifest.json`, one(bytes));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
    return { digest, size: files.reduce((sum, file) => sum + file.size, 0) };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function pack(
  path: string,
  file: string,
  tar: AsyncIterable<Uint8Array>,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<BundleFile> {
  const [plain, packed] = [counter(onProgress), counter(() => {})];
  const tool = spawnPiped(zstd, { stdin: "pipe", signal });
  let failure: unknown;
  const feeding = feed(tool, tar, plain).catch((error: unknown) => {
    failure = error;
    tool.kill("SIGKILL");
  });
  try {
    await saveFile(
      path,
      outputOf(tool, packed, async () => {
        await feeding;
        if (failure) throw failure;
      }),
    );
  } catch (error) {
    throw failure ?? error;
  } finally {
    tool.kill("SIGKILL");
    await feeding;
  }
  const tarFacts = { digest: plain.digest(), size: plain.bytes };
  return { file, digest: packed.digest(), size: packed.bytes, tar: tarFacts };
}

function counter(onProgress: (bytes: number) => void): CountedStream {
  return new CountedStream(Number.POSITIVE_INFINITY, onProgress);
}

async function feed(tool: PipedProcess, tar: AsyncIterable<Uint8Array>, counted: CountedStream): Promise<void> {
  for await (const chunk of tar) {
    counted.add(chunk);
    await tool.stdin.write(chunk);
  }
  tool.stdin.end();
}

/** @param isFed rejects if the input was incomplete: then the file never gets its name */
async function* outputOf(
  tool: PipedProcess,
  counted: CountedStream,
  isFed: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of tool.stdout) {
    counted.add(chunk);
    yield chunk;
  }
  const ended = await tool.done;
  await isFed();
  if (ended.exitCode === 0) return;
  throw fail("TOOL_FAILED", { tool: "zstd", status: statusText(ended), said: lastLine(tool.stderrTail()) });
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
