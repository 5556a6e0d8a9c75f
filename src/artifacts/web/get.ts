/** Files of others by their URL, over https (http on loopback) and redirects, or from a file system. */

import { followed, pathOfUrl } from "../../base/url.ts";
import type { Zone } from "../../base/zone.ts";
import { isFile, readStream, sizeOf } from "../../host/files/files.ts";
import { type Http, HttpError, type IncomingAnswer, type ZoneOf } from "../../host/net/http-fetch.ts";
import { retryAfter } from "../retry.ts";

export type WebDeps = { http: Http; zoneOf: ZoneOf /** Unix time in `ms` */; now(): number };

/** What can't be had. `problem` is half a sentence. */
export class WebError extends Error {
  readonly problem: string;
  /** asking again may help: null when it won't, else after how many `ms`, if the other side says */
  readonly again: { afterMs: number | null } | null;
  constructor(problem: string, again: WebError["again"] = null, cause?: unknown) {
    super(problem, { cause });
    this.name = "WebError";
    this.problem = problem;
    this.again = again;
  }
}

/** Bytes of a file from one place on. */
export type WebPart = {
  /** of the first byte that `body` has: as was asked for, or 0 */
  from: number;
  /** bytes of the whole; null: it isn't said */
  total: number | null;
  /** throws WebError when it breaks off */
  body: AsyncIterable<Uint8Array>;
  close(): void;
};

const maxRedirects = 5;

/** Where a file is. */
export type WebPlace = {
  /** `sourceProblem` has nothing against it */
  url: string;
  /** URL of the document that names it; null: the user's own config does */
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
  const answer = await ask(deps, place, from, signal);
  // there is nothing behind what we have: whether that is all of it shows when it is read anew
  if (answer.status === 416 && from > 0) {
    answer.close();
    return openRemote(deps, place, 0, signal);
  }
  requireGood(deps, answer);
  const part = { body: explaining(answer.body, signal), close: () => answer.close() };
  if (answer.status === 206) return { ...rangeOf(answer), ...part };
  const length = answer.header("content-length");
  return { from: 0, total: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null, ...part };
}

/** Through redirects to an answer that is none. */
async function ask(
  { http, zoneOf }: WebDeps,
  { url: start, namedBy }: WebPlace,
  from: number,
  signal: AbortSignal,
): Promise<IncomingAnswer> {
  // a document on this host's disk may name any place, as the user may
  const isOwn = namedBy === null || namedBy.startsWith("file:");
  const zone = await zoneOf(isOwn ? start : namedBy);
  // what the user names in public gets no rights by its address, and needs no look
  let zones: readonly Zone[] | null = isOwn ? (zone === "public" ? null : [zone]) : ["public", zone];
  const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  // bytes as they are: what is compressed on the way has another digest
  const headers = { "user-agent": "banger", accept: "*/*", "accept-encoding": "identity", ...range };
  let url = start;
  for (let hops = 0; ; hops++) {
    const request = { method: "GET", url, headers, signal } as const;
    const answer = await http(zones ? { ...request, zones } : request).catch((error: unknown) => {
      throw explained(error, signal);
    });
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    answer.close();
    const next = followed(url, answer.header("location") ?? "", { insecure: false, zone });
    if (next === null) throw new WebError("it redirects to plain http, to an address that is not safe, or to no URL");
    if (hops >= maxRedirects) throw new WebError("it redirects too many times");
    url = next;
    zones = ["public", zone];
  }
}

/** @throws WebError for every status but 200 and 206 */
function requireGood({ now }: WebDeps, answer: IncomingAnswer): void {
  const { status } = answer;
  if (status === 200 || status === 206) return;
  answer.close();
  if (status === 404 || status === 410) throw new WebError(`it is not there (status ${status})`);
  if (status === 401 || status === 403) throw new WebError(`we may not have it (status ${status})`);
  const isBusy = status === 408 || status === 429 || status >= 500;
  const again = isBusy ? { afterMs: retryAfter(answer.header("retry-after"), now()) } : null;
  throw new WebError(`the server answers with status ${status}`, again);
}

function rangeOf(answer: IncomingAnswer): { from: number; total: number | null } {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(answer.header("content-range") ?? "");
  if (match) return { from: Number(match[1]), total: match[3] === "*" ? null : Number(match[3]) };
  answer.close();
  throw new WebError("its partial answer has no valid content-range");
}

async function* explaining(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body;
  } catch (error) {
    throw explained(error, signal);
  }
}

function explained(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!(error instanceof HttpError)) return error;
  return new WebError(error.problem, error.kind === "connection" ? { afterMs: null } : null, error);
}
