/** Reads small files from a URL that the user configured, with limits in bytes and time. */
import { orAborted } from "../../base/async.ts";
import { formatSize } from "../../base/units.ts";
import { openWeb, type WebDeps, WebError } from "./get.ts";

export type DocumentLimits = { maxBytes: number /** for everything, in `ms` */; timeoutMs: number };

/** The file is longer than allowed. */
export class TooLongError extends WebError {}

/** @throws WebError, TooLongError, and the signal's reason */
export async function readDocument(
  deps: WebDeps,
  url: string,
  { maxBytes, timeoutMs }: DocumentLimits,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new WebError(`it took longer than ${timeoutMs / 1000} s`)), timeoutMs);
  const either = AbortSignal.any([signal, late.signal]);
  try {
    return await orAborted(read(deps, url, maxBytes, either), either);
  } finally {
    clearTimeout(timer);
  }
}

async function read(deps: WebDeps, url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const part = await openWeb(deps, { url, namedBy: null }, 0, signal);
  const tooLong = () => new TooLongError(`it has more than ${formatSize(maxBytes)}`);
  if (part.total !== null && part.total > maxBytes) {
    part.close();
    throw tooLong();
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of part.body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLong();
    chunks.push(chunk.slice());
  }
  return Buffer.concat(chunks);
}
