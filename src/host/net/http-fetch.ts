/**
 * Requests to other hosts, by the runtime's `fetch`: it applies back-pressure (of a 1 GiB body that is not read, 6 MiB are sent, with and
 * without TLS), uses the proxy variables, accepts CA certificates and reuses connections. The caller follows redirects. A body ends at
 * its announced length: further bytes from the server are dropped silently.
 */
import { readdirSync, readFileSync } from "node:fs";
import { orAborted } from "../../base/async.ts";
import type { Zone } from "../../base/zone.ts";
import { type Route, RouteError, routesTo, systemRoutes, zoneOfUrl } from "./http-route.ts";

export type OutgoingRequest = {
  method: "GET" | "HEAD" | "POST";
  url: string;
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  /** zones of addresses that may be connected to, for a URL from an untrusted source; absent: any */
  zones?: readonly Zone[];
  /** limit until the head of the response arrived, in `ms`; default 30 s */
  headTimeoutMs?: number;
  /** limit between two pieces of the body, in `ms`; default 30 s */
  stallTimeoutMs?: number;
};

export type IncomingAnswer = {
  status: number;
  header(name: string): string | null;
  /** as it was sent, never decompressed; throws HttpError when it is cut short or stalls */
  body: AsyncIterable<Uint8Array>;
  /** cancels the rest of the body */
  close(): void;
};

export type Http = (request: OutgoingRequest) => Promise<IncomingAnswer>;

/** The zone of a URL's host, as far as it can be known on this host. Never rejects. */
export type ZoneOf = (url: string) => Promise<Zone>;

/** @param routes for tests */
export function createZoneOf(routes = systemRoutes): ZoneOf {
  return (url) => zoneOfUrl(routes, url);
}

/** A request without a complete response. `problem` is a clause. */
export class HttpError extends Error {
  readonly problem: string;
  /** `tls`: the server's certificate is not trusted; `zone`: its address is not allowed. Retrying helps with neither */
  readonly kind: "connection" | "tls" | "zone";
  constructor(kind: HttpError["kind"], problem: string, cause?: unknown) {
    super(problem, { cause });
    this.name = "HttpError";
    this.kind = kind;
    this.problem = problem;
  }
}

const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
const defaultTimeoutMs = 30_000;
const maxHead = 64 * 1024;

/** The host's CA certificates, as one text; undefined: use the runtime's own. SSL_CERT_FILE names another file. */
export function systemCertificates(env: Record<string, string | undefined>): string | undefined {
  for (const file of [env["SSL_CERT_FILE"], ...bundles]) {
    if (!file) continue;
    try {
      return readFileSync(file, "utf8");
    } catch {
      // try the next distribution's path
    }
  }
  return undefined;
}

/** The CA certificates that docker trusts for one registry: `/etc/docker/certs.d/HOST/*.crt`. */
export function dockerCertificates(registry: string): string[] {
  const folder = `/etc/docker/certs.d/${registry}`;
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".crt"));
    return names.map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  } catch {
    return [];
  }
}

/**
 * @param certificates PEM texts of the trusted CAs; undefined: the runtime's own
 * @param routes for tests
 */
export function createHttp(certificates: string | undefined, routes = systemRoutes): Http {
  return async (request) => {
    const stop = new AbortController();
    const signal = AbortSignal.any([request.signal, stop.signal]);
    const headTimer = setTimeout(() => stop.abort(new Stalled()), request.headTimeoutMs ?? defaultTimeoutMs);
    try {
      const choices = await orAborted(routesTo(routes, request.url, request.zones), signal);
      const answer = await firstAnswer(choices, (route) => send(request, route, certificates, signal));
      if (headBytes(answer.headers) > maxHead) {
        stop.abort();
        throw new HttpError("connection", "the head of its answer is too long");
      }
      return {
        status: answer.status,
        header: (name) => answer.headers.get(name),
        body: bodyOf(answer, request, stop),
        close: () => stop.abort(),
      };
    } catch (error) {
      throw explained(error, request.signal);
    } finally {
      clearTimeout(headTimer);
    }
  };
}

function send(
  { method, headers = {}, body }: OutgoingRequest,
  { url, proxy, name }: Route,
  certificates: string | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const ca = certificates === undefined ? {} : { ca: certificates };
  const tls = name ? { ...ca, serverName: name.hostname } : ca;
  return fetch(url, {
    ...{ method, redirect: "manual", decompress: false, signal, tls },
    headers: name ? { ...headers, host: name.host } : headers,
    ...(proxy === undefined ? {} : { proxy }),
    ...(body === undefined ? {} : { body }),
  });
}

/** Tries addresses in order; the first that accepts a connection answers. */
async function firstAnswer(routes: readonly Route[], ask: (route: Route) => Promise<Response>): Promise<Response> {
  for (const route of routes.slice(0, -1)) {
    try {
      return await ask(route);
    } catch (error) {
      if (!isUnconnected(error)) throw error;
    }
  }
  return ask(routes.at(-1) as Route);
}

function isUnconnected(error: unknown): boolean {
  return /^(?:ConnectionRefused|FailedToOpenSocket|E(?:CONNREFUSED|HOSTUNREACH|NETUNREACH))$/.test(
    (error as { code?: string }).code ?? "",
  );
}

function headBytes(headers: Headers): number {
  return [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
}

async function* bodyOf(
  answer: Response,
  { method, signal, stallTimeoutMs = defaultTimeoutMs }: OutgoingRequest,
  stop: AbortController,
): AsyncGenerator<Uint8Array, void, void> {
  const announced = answer.headers.get("content-length");
  let received = 0;
  let isWhole = false;
  let timer = setTimeout(() => stop.abort(new Stalled()), stallTimeoutMs);
  try {
    for await (const chunk of answer.body ?? []) {
      clearTimeout(timer);
      received += chunk.length;
      yield chunk;
      timer = setTimeout(() => stop.abort(new Stalled()), stallTimeoutMs);
    }
    isWhole = true;
  } catch (error) {
    throw explained(error, signal);
  } finally {
    clearTimeout(timer);
    if (!isWhole) stop.abort();
  }
  if (method !== "HEAD" && announced !== null && Number(announced) !== received) {
    throw new HttpError("connection", `the answer broke off after ${received} of ${announced} bytes`);
  }
}

class Stalled extends Error {}

function explained(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof HttpError) return error;
  if (error instanceof RouteError) return new HttpError("zone", error.problem, error);
  if (error instanceof Stalled) return new HttpError("connection", "it does not answer", error);
  const { code = "", message = "" } = error as { code?: string; message?: string };
  // the message is not shown: it may contain the URL, which may contain a signature
  const word = /^\w+$/.test(code) ? code : "no reason given";
  if (/CERT|VERIFY|SELF_SIGNED/.test(code) || /certificate/i.test(message)) {
    return new HttpError("tls", `its certificate is not trusted (${word})`, error);
  }
  if (code === "ConnectionRefused" || code === "ECONNREFUSED")
    return new HttpError("connection", "the connection was refused", error);
  if (code === "FailedToOpenSocket" || code === "ENOTFOUND")
    return new HttpError("connection", "there is no such host", error);
  return new HttpError("connection", `the connection broke (${word})`, error);
}
