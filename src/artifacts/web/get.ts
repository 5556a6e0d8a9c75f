/** Downloads files by URL, over https (http on loopback) with redirects, or reads them from the file system. */

import { followed, pathOfUrl } from "../../base/url.ts";
import type { Zone } from "../../base/zone.ts";
import { isFile, readStream, sizeOf } from "../../host/files/files.ts";
import { type Http, HttpError, type IncomingAnswer, type ZoneOf } from "../../host/net/http-fetch.ts";
import { retryAfter } from "../retry.ts";

export type WebDeps = { http: Http; zoneOf: ZoneOf /** Unix time in `ms` */; now(): number };

/** A file that is not available. `problem` is a clause. */
export class WebError extends Error {
  readonly problem: string;
  /** null if a retry won't help; else the pause that the other side asked for, in `ms`, if any */
  readonly again: { afterMs: number | null } | null;
  constructor(problem: string, again: WebError["again"] = null, cause?: unknown) {
    super(problem, { cause });
    this.name = "WebError";
    this.problem = problem;
    this.again = again;
  }
}

/** Part of a file, from some offset. */
export type WebPart = {
  /** offset of the first byte in `body`: as requested, or 0 */
  from: number;
  /** total bytes; null if unknown */
  total: number | null;
  /** throws WebError if the connection breaks */
  body: AsyncIterable<Uint8Array>;
  close(): void;
};

const maxRedirects = 5;

/** The location of a file. */
export type WebPlace = {
  /** checked by `sourceProblem` */
  url: string;
  /** URL of the document that refers to it; null for the user's config */
  namedBy: string | null;
};

/** @throws WebError */
export function openWeb(deps: WebDeps, place: WebPlace, from: number, signal: AbortSignal): Promise<WebPart> {
  return place.url.startsWith("file:") ? openFile(place.url, from) : openRemote(deps, place, from, signal);
}

async function openFile(url: string, from: number): Promise<WebPart> {
  const path = pathOfUrl(url);
  if (path === null || !(await isFile(path))) throw new WebError("there is no such file");
  const total = await sizeOf(path);
  const body = async function* () {
    try {
      yield* readStream(path, { from });
    } catch (error) {
      throw new WebError(`it can't be read (${(error as { code?: string }).code ?? "no reason given"})`, null, error);
    }
  };
  return { from, total, body: body(), close() {} };
}

async function openRemote(deps: WebDeps, place: WebPlace, from: number, signal: AbortSignal): Promise<WebPart> {
  const answer = await request(deps, place, from, signal);
  // nothing follows what we have: read it again to see whether that is all of it
  if (answer.status === 416 && from > 0) {
    answer.close();
    return openRemote(deps, place, 0, signal);
  }
  requireGood(deps, answer);
  const part = { body: withWebErrors(answer.body, signal), close: () => answer.close() };
  if (answer.status === 206) return { ...rangeOf(answer), ...part };
  const length = answer.header("content-length");
  return { from: 0, total: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null, ...part };
}

/** Follows redirects to the final answer. */
async function request(
  { http, zoneOf }: WebDeps,
  { url: start, namedBy }: WebPlace,
  from: number,
  signal: AbortSignal,
): Promise<IncomingAnswer> {
  // a document on this host may refer to any address, as the user may
  const isOwn = namedBy === null || namedBy.startsWith("file:");
  const zone = await zoneOf(isOwn ? start : namedBy);
  // a public address that the user configured gives no access to others, and is not checked
  let zones: readonly Zone[] | null = isOwn ? (zone === "public" ? null : [zone]) : ["public", zone];
  const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  // bytes as they are: compression in transit would change the digest
  const headers = { "user-agent": "banger", accept: "*/*", "accept-encoding": "identity", ...range };
  let url = start;
  for (let hops = 0; ; hops++) {
    const options = { method: "GET", url, headers, signal } as const;
    const answer = await http(zones ? { ...options, zones } : options).catch((error: unknown) => {
      throw toWebError(error, signal);
    });
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    answer.close();
    const next = followed(url, answer.header("location") ?? "", { insecure: false, zone });
    if (next === null) throw new WebError("it redirects to plain http, to an unsafe address, or to an invalid URL");
    if (hops >= maxRedirects) throw new WebError("it redirects too many times");
    url = next;
    zones = ["public", zone];
  }
}

/** @throws WebError for every status except 200 and 206 */
function requireGood({ now }: WebDeps, answer: IncomingAnswer): void {
  const { status } = answer;
  if (status === 200 || status === 206) return;
  answer.close();
  if (status === 404 || status === 410) throw new WebError(`it does not exist (status ${status})`);
  if (status === 401 || status === 403) throw new WebError(`access is denied (status ${status})`);
  const isBusy = status === 408 || status === 429 || status >= 500;
  const again = isBusy ? { afterMs: retryAfter(answer.header("retry-after"), now()) } : null;
  throw new WebError(`the server answered with status ${status}`, again);
}

function rangeOf(answer: IncomingAnswer): { from: number; total: number | null } {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(answer.header("content-range") ?? "");
  if (match) return { from: Number(match[1]), total: match[3] === "*" ? null : Number(match[3]) };
  answer.close();
  throw new WebError("its partial answer has no valid content-range");
}

async function* withWebErrors(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body;
  } catch (error) {
    throw toWebError(error, signal);
  }
}

function toWebError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!(error instanceof HttpError)) return error;
  return new WebError(error.problem, error.kind === "connection" ? { afterMs: null } : null, error);
}
