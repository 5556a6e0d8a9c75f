/** Downloads into a cache of their own, from sources that a test plays. */
import { createHash } from "node:crypto";
import type { Digest } from "../../base/names.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { pathsOf } from "../../model/paths.ts";
import { type DownloadDeps, Downloads, type OpenPart, type Part } from "../download.ts";

export const never = new AbortController().signal;
export const content = Buffer.from(new Uint8Array(200_000).map((_, at) => (at * 7) % 251));
export const digest = `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
export const wanted = { digest, size: content.length, limit: content.length, from: "r.example/tool", what: "tool" };

export function home(more: Partial<DownloadDeps> = {}) {
  const temp = tempFolder();
  const { path } = temp;
  const paths = pathsOf({ state: path, cache: path, config: path, runtime: path });
  const pauses: number[] = [];
  const pause = async (ms: number) => void pauses.push(ms);
  /** a separate instance, as another daemon has */
  const downloads = () => new Downloads({ paths, pause, ...more });
  const get = (open: OpenPart, signal = never, by = downloads()) => by.blob(wanted, open, () => {}, signal);
  return { temp, paths, pauses, downloads, get };
}

export async function* pieces(...some: Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  yield* some;
}

export const whole = (from: number): Part => ({ from, total: content.length, body: pieces(content.subarray(from)) });
export const bytesAt = async (path: string) => Buffer.from(await Bun.file(path).bytes());
