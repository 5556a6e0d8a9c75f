/**
 * A registry client for pulling (OCI distribution specification 1.1): manifests and blobs, with redirects,
 * authentication and mirrors (`mirrors.ts`).
 */

import { createHash } from "node:crypto";
import type { OpenPart, Part } from "../../artifacts/download.ts";
import { type Pause, retryAfter, retrying, TransientError } from "../../artifacts/retry.ts";
import { readSmallBytes } from "../../artifacts/web/small.ts";
import { orAborted } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import type { Reference } from "../../base/reference.ts";
import { stripControl } from "../../base/text.ts";
import { trimEndOf } from "../../base/trim.ts";
import { followed, isSameOrigin, type Namer } from "../../base/url.ts";
import type { Zone } from "../../base/zone.ts";
import { type Http, HttpError, type IncomingAnswer, type ZoneOf } from "../../host/net/http-fetch.ts";
import type { Credential } from "../../model/credential.ts";
import { maxDocument } from "../oci/manifest.ts";
import { indexTypes, manifestTypes } from "../oci/media.ts";
import { AuthError, BusyError, RegistryAuth, wrongCredential } from "./auth.ts";
import { endpointOf, schemesOf } from "./endpoint.ts";
import { Mirrors } from "./mirrors.ts";
import { warningsIn } from "./warnings.ts";

export type RegistryDeps = { http: Http; zoneOf: ZoneOf; pause: Pause /** Unix time in `ms` */; now(): number };

export type RegistryOptions = {
  credential: Credential | null;
  /** plain http is allowed */
  insecure: boolean;
  /** hosts or URLs that are tried first */
  mirrors: readonly string[];
  /** Called once with each warning of the registry, for a few of them. */
  warn?(text: string): void;
};

export type Received = { digest: Digest; mediaType: string; bytes: Uint8Array };

export interface Registry {
  /** A manifest or an index; if a digest was asked for, it was checked. */
  manifest(which: { tag: string } | { digest: Digest }, signal: AbortSignal): Promise<Received>;
  blob(digest: Digest): OpenPart;
}

/** @throws REGISTRY_UNREACHABLE, REGISTRY_AUTH, REGISTRY_NOT_FOUND, REGISTRY_LIMITED, REGISTRY_ANSWER from each call */
export function openRegistry(deps: RegistryDeps, reference: Reference, options: RegistryOptions): Registry {
  const { registry, repository } = reference;
  const own = new Endpoint(deps, { registry, repository, ...options });
  const mirrors = new Mirrors(
    options.mirrors.map((mirror) => {
      const host = trimEndOf(mirror.replace(/^https?:\/\//, ""), "/");
      const insecure = mirror.startsWith("http://");
      return new Endpoint(deps, { registry: host, repository, credential: null, insecure });
    }),
  );
  return {
    manifest: async (which, signal) =>
      (await mirrors.manifest(which, signal)) ?? retrying(deps.pause, signal, () => own.manifest(which, signal)),
    blob: (digest) => async (from, signal, most) =>
      (await mirrors.part(digest, from, signal)) ?? own.part(digest, from, signal, most),
  };
}

type EndpointOptions = {
  registry: string;
  repository: string;
  credential: Credential | null;
  insecure: boolean;
  warn?(text: string): void;
};

/** shown per registry */
const maxWarnings = 5;

const maxRedirects = 5;
/** hint for a registry that responds but fails */
const later = "run the same command again later: the registry itself has failed; what was downloaded so far is kept";
const accept = [...indexTypes, ...manifestTypes].join(", ");

class Endpoint {
  readonly #deps: RegistryDeps;
  readonly #options: EndpointOptions;
  readonly #auth: RegistryAuth;
  readonly #scope: string;
  /** the base URL that answered */
  #base: string | null = null;
  #zone: Promise<Zone> | null = null;
  readonly #warned = new Set<string>();

  constructor(deps: RegistryDeps, options: EndpointOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#auth = new RegistryAuth(deps, options.credential);
    this.#scope = `repository:${options.repository}:pull`;
  }

  async manifest(which: { tag: string } | { digest: Digest }, signal: AbortSignal): Promise<Received> {
    const name = "tag" in which ? which.tag : which.digest;
    const what = `${this.#options.repository}${"tag" in which ? ":" : "@"}${name}`;
    const answer = await this.#get(`manifests/${name}`, { accept }, what, signal);
    const bytes = await readSmallBytes(answer, maxDocument).catch((error: unknown) => {
      throw this.#toRegistryError(error);
    });
    if (bytes === null) throw this.#invalidAnswer(what, `its manifest has more than ${maxDocument} bytes`);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
    const expected = "digest" in which ? which.digest : answer.header("docker-content-digest");
    if (expected?.startsWith("sha256:") && expected !== digest)
      throw this.#invalidAnswer(what, "its manifest has another digest");
    const mediaType = (answer.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const other = otherThanJson(mediaType, bytes);
    if (other !== null) throw this.#invalidAnswer(what, `it sent ${other}`);
    return { digest, mediaType: mediaType === "application/json" ? "" : mediaType, bytes };
  }

  /** @param most bytes; absent for all that are left */
  async part(digest: Digest, from: number, signal: AbortSignal, most?: number): Promise<Part> {
    const what = `${this.#options.repository}@${digest}`;
    const end = most === undefined ? "" : from + most - 1;
    const range: Record<string, string> = from > 0 || most !== undefined ? { range: `bytes=${from}-${end}` } : {};
    const answer = await this.#get(`blobs/${digest}`, range, what, signal);
    const body = this.#withRegistryErrors(answer.body);
    if (answer.status === 206) return { ...this.#rangeOf(answer, what), body };
    const length = answer.header("content-length");
    return { from: 0, total: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null, body };
  }

  #rangeOf(answer: IncomingAnswer, what: string): { from: number; total: number | null } {
    const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(answer.header("content-range") ?? "");
    if (match) return { from: Number(match[1]), total: match[3] === "*" ? null : Number(match[3]) };
    answer.close();
    throw this.#invalidAnswer(what, "its partial answer has no valid content-range");
  }

  /** Follows authentication and redirects to a successful answer. */
  async #get(
    path: string,
    headers: Record<string, string>,
    what: string,
    signal: AbortSignal,
  ): Promise<IncomingAnswer> {
    const known = this.#auth.header(this.#scope);
    const first = await this.#request(path, headers, known, what, signal);
    if (first.answer.status !== 401) return this.#accepted(first.answer, what);
    first.answer.close();
    const refused = { url: first.url, challenge: first.answer.header("www-authenticate"), sent: known };
    const fresh = await this.#auth
      .answer(refused, await this.#namer(signal), this.#scope, signal)
      .catch((error: unknown) => {
        if (error instanceof AuthError) throw this.#refused(what, error.problem);
        if (error instanceof BusyError) throw this.#busy(error.status, error.wait);
        throw this.#toRegistryError(error);
      });
    const second = (await this.#request(path, headers, fresh, what, signal)).answer;
    if (second.status !== 401 || !this.#options.credential) return this.#accepted(second, what);
    second.close();
    throw this.#refused(what, wrongCredential);
  }

  async #request(
    path: string,
    plain: Record<string, string>,
    authorization: string | null,
    what: string,
    signal: AbortSignal,
  ): Promise<{ answer: IncomingAnswer; url: string }> {
    const headers = authorization === null ? plain : { ...plain, authorization };
    const namer = await this.#namer(signal);
    const start = await this.#connect(path, headers, signal);
    let { url, answer } = start;
    for (let hops = 0; isRedirect(answer.status); hops++) {
      const next = followed(url, answer.header("location") ?? "", namer);
      answer.close();
      if (next === null)
        throw this.#invalidAnswer(what, "it redirects to plain http, to a forbidden address, or to an invalid URL");
      if (hops >= maxRedirects) throw this.#invalidAnswer(what, "it redirects too many times");
      url = next;
      answer = isSameOrigin(start.url, next)
        ? await this.#send(next, headers, ownZones(namer.zone, next), signal)
        : // the registry's credentials are not for other hosts
          await this.#send(next, plain, ["public", namer.zone], signal);
    }
    // a 401 of another host is not a challenge for us
    if (answer.status === 401 && !isSameOrigin(start.url, url)) {
      answer.close();
      throw this.#refused(what, "the host it redirects to");
    }
    return { answer, url };
  }

  /** Connects by https, or by http if that is allowed and https is not available. */
  async #connect(path: string, headers: Record<string, string>, signal: AbortSignal) {
    const { registry, repository } = this.#options;
    const { insecure, zone } = await this.#namer(signal);
    const bases = this.#base
      ? [this.#base]
      : schemesOf(registry, insecure).map((scheme) => `${scheme}://${endpointOf(registry)}`);
    let failure: unknown;
    for (const base of bases) {
      const url = `${base}/v2/${repository}/${path}`;
      try {
        const answer = await this.#send(url, headers, ownZones(zone, url), signal);
        this.#base = base;
        return { answer, url };
      } catch (error) {
        signal.throwIfAborted();
        // a host whose https certificate is not trusted is not asked over http
        if (!(error instanceof TransientError)) throw error;
        // of two failures, the one of the scheme that is in use there is more helpful
        failure ??= error;
        if (base.startsWith("http:") && !isRefusal(error)) failure = error;
      }
    }
    throw failure;
  }

  /**
   * The addresses that this registry may redirect to. Its zone is fixed by its first lookup, even if its name resolves
   * differently later.
   */
  async #namer(signal: AbortSignal): Promise<Namer> {
    const { registry, insecure } = this.#options;
    this.#zone ??= this.#deps.zoneOf(`https://${endpointOf(registry)}/`);
    return { insecure, zone: await orAborted(this.#zone, signal) };
  }

  async #send(
    url: string,
    headers: Record<string, string>,
    zones: readonly Zone[] | undefined,
    signal: AbortSignal,
  ): Promise<IncomingAnswer> {
    const request = { method: "GET", url, headers: { "user-agent": "banger", ...headers }, signal } as const;
    try {
      return await this.#deps.http(zones ? { ...request, zones } : request);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#toRegistryError(error);
    }
  }

  /** @throws for every status except 200 and 206 */
  #accepted(answer: IncomingAnswer, what: string): IncomingAnswer {
    const { status } = answer;
    for (const text of warningsIn(answer.header("warning"))) this.#warn(text);
    if (status === 200 || status === 206) return answer;
    answer.close();
    const { registry } = this.#options;
    if (status === 401 || status === 403) throw this.#refused(what, `status ${status}`);
    if (status === 404) throw fail("REGISTRY_NOT_FOUND", { registry, what });
    if (status === 429 || status === 408 || status >= 500) throw this.#busy(status, answer.header("retry-after"));
    throw this.#invalidAnswer(what, `status ${status}`);
  }

  #warn(text: string): void {
    if (this.#warned.has(text) || this.#warned.size >= maxWarnings) return;
    this.#warned.add(text);
    this.#options.warn?.(`${this.#options.registry} warns: ${text}`);
  }

  /** @param wait `Retry-After` */
  #busy(status: number, wait: string | null): TransientError {
    const { registry } = this.#options;
    const error =
      status === 429
        ? fail("REGISTRY_LIMITED", { registry, problem: "too many requests" })
        : fail("REGISTRY_UNREACHABLE", {
            registry,
            problem: `it failed with status ${status}`,
            next: later,
          });
    return new TransientError(error, retryAfter(wait, this.#deps.now()));
  }

  async *#withRegistryErrors(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* body;
    } catch (error) {
      throw this.#toRegistryError(error);
    }
  }

  #toRegistryError(error: unknown): unknown {
    if (!(error instanceof HttpError)) return error;
    if (error.kind === "zone") return this.#invalidAnswer(this.#options.repository, error.problem);
    const unreachable = fail(
      "REGISTRY_UNREACHABLE",
      { registry: this.#options.registry, problem: error.problem },
      error,
    );
    return error.kind === "tls" ? unreachable : new TransientError(unreachable);
  }

  #refused(what: string, problem: string): Error {
    const { registry, credential } = this.#options;
    const text = stripControl(problem).slice(0, 200);
    return fail("REGISTRY_AUTH", { registry, what, problem: text, known: credential !== null });
  }

  #invalidAnswer(what: string, problem: string): Error {
    return fail("REGISTRY_ANSWER", { registry: this.#options.registry, what, problem });
  }
}

/**
 * Zones that requests to the registry itself may connect to: a local or nearby registry must stay there. A public
 * registry is identified by its certificate, so its address is not checked; over plain http it is, because the name may
 * resolve differently by now.
 */
function ownZones(zone: Zone, url: string): readonly Zone[] | undefined {
  return zone === "public" && url.startsWith("https:") ? undefined : [zone];
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/**
 * Recognizes answers that are not a manifest, whatever their type: a login page may claim to be JSON. Null if it can be
 * a manifest.
 */
function otherThanJson(mediaType: string, bytes: Uint8Array): string | null {
  if (bytes.length === 0) return "nothing";
  const head = new TextDecoder().decode(bytes.subarray(0, 200));
  return mediaType.startsWith("text/html") || /^\s*</.test(head) ? "a web page" : null;
}

/** The connection was refused. */
function isRefusal(error: unknown): boolean {
  return error instanceof TransientError && /connection was refused/.test(error.message);
}
