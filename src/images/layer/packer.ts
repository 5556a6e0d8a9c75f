/** Writes a squashfs: tar entries go in one by one, and sqfstar packs them as they arrive. */
import { createHash, type Hash } from "node:crypto";
import { packingFailed, squashfsOptions } from "../../artifacts/pack.ts";
import { giveRootToRoot } from "../../artifacts/squashfs-root.ts";
import { orAborted } from "../../base/async.ts";
import type { Digest } from "../../base/names.ts";
import type { TarEntry } from "../../formats/tar/header.ts";
import { encodeHeader, endOfArchive, padding } from "../../formats/tar/writer.ts";
import { withRandomAccess } from "../../host/files/random-access.ts";
import { type PipedProcess, spawnPiped } from "../../host/process/children.ts";
import type { ToolCage } from "../../host/process/tool-cage.ts";

/**
 * sqfstar ignores the archive's root entry and would make the root folder world-writable; `giveRootToRoot` needs
 * `-noI`.
 */
const rootOptions = ["-root-mode", "755", "-noI"];
/**
 * With the export table, overlayfs can find the lower file that a changed one came from (kernel
 * Documentation/filesystems/overlayfs.rst, "Inode properties"). Without it a hard link to a file of the image gets
 * another inode number than the file.
 */
const withExportTable = "-exports";
/** sqfstar refuses an existing file otherwise; its cage creates the output file. */
const overwrite = "-force";
/** bytes collected for one write to the pipe */
const batchBytes = 256 * 1024;
const zeros = new Uint8Array(batchBytes);

export type Packing = {
  /** path of the squashfs */
  path: string;
  /** the work it is part of, for errors, as in "storing an image" */
  during: string;
  signal: AbortSignal;
  /** hash the input, for `packed` */
  isHashed?: boolean;
};

export class Packer {
  readonly #path: string;
  readonly #during: string;
  readonly #signal: AbortSignal;
  readonly #process: PipedProcess;
  readonly #hash: Hash | null;
  #batch = new Uint8Array(batchBytes);
  #filled = 0;
  /** sent buffers, for reuse: a large layer would otherwise leave gigabytes to the garbage collector */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  /** waiting to be sent; a number stands for that many zeros */
  #full: (Uint8Array | number)[] = [];

  /** @throws TOOL_MISSING, CONFINEMENT_INCOMPLETE */
  static async open(cage: ToolCage, packing: Packing): Promise<Packer> {
    return new Packer(packing, await cage.around("sqfstar", { outputs: [packing.path] }));
  }

  private constructor({ path, during, signal, isHashed = false }: Packing, cage: readonly string[]) {
    this.#path = path;
    this.#during = during;
    this.#signal = signal;
    this.#hash = isHashed ? createHash("sha256") : null;
    // Killed by `kill`, not by the signal: sqfstar does not always exit on SIGTERM.
    this.#process = spawnPiped(["sqfstar", ...squashfsOptions, ...rootOptions, withExportTable, overwrite, path], {
      stdin: "pipe",
      cage,
    });
  }

  /** Follow it with the content and `pad`. Nothing is sent before `flush`. */
  entry(entry: TarEntry): void {
    this.data(encodeHeader(entry));
  }

  data(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + batchBytes - this.#filled);
      this.#batch.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === batchBytes) this.#next();
    }
  }

  hole(bytes: number): void {
    if (bytes <= batchBytes) return this.data(zeros.subarray(0, bytes));
    this.#next();
    this.#full.push(bytes);
  }

  /** Pads to the next block after `size` bytes of content. */
  pad(size: number): void {
    this.data(padding(size));
  }

  /** Sends what is ready. @throws the reason if sqfstar has exited */
  async flush(): Promise<void> {
    for (const batch of this.#full.splice(0)) {
      if (typeof batch !== "number") {
        await this.#send(batch);
        this.#spare.push(new Uint8Array(batch.buffer as ArrayBuffer));
      } else for (let left = batch; left > 0; left -= batchBytes) await this.#send(zeros.subarray(0, left));
    }
  }

  /** Digest of all input, or null if `isHashed` was not set. Call it once, after `finish`. */
  packed(): Digest | null {
    return this.#hash && (`sha256:${this.#hash.digest("hex")}` as Digest);
  }

  /** Completes the file and gives its root folder to root. @throws TOOL_FAILED, TOOL_MISSING, DISK_FULL */
  async finish(): Promise<void> {
    this.data(endOfArchive);
    this.#next();
    await this.flush();
    this.#process.stdin.end();
    if ((await orAborted(this.#ended(), this.#signal)).exitCode !== 0) throw await this.#failure();
    await withRandomAccess(this.#path, giveRootToRoot);
  }

  /** The caller removes the file. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.done.catch(() => {});
  }

  #next(): void {
    if (this.#filled === 0) return;
    this.#full.push(this.#batch.subarray(0, this.#filled));
    this.#batch = this.#spare.pop() ?? new Uint8Array(batchBytes);
    this.#filled = 0;
  }

  async #send(batch: Uint8Array): Promise<void> {
    this.#hash?.update(batch);
    const writing = this.#process.stdin.write(batch).then(
      () => true,
      () => false,
    );
    // the exit status and stderr give the reason, not the broken pipe
    if (!(await orAborted(writing, this.#signal))) throw await this.#failure();
  }

  async #ended(): Promise<{ exitCode: number | null; signal: string | null }> {
    for await (const _ of this.#process.stdout);
    return this.#process.done;
  }

  async #failure(): Promise<Error> {
    return packingFailed("sqfstar", await this.#ended(), this.#process.stderrTail(), this.#path, this.#during);
  }
}
