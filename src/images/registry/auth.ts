/**
 * Answers a registry's authentication challenges: Basic, and Bearer with a token from the realm that it names (CNCF
 * distribution, "Token Authentication Specification"). Tokens are kept in memory, per scope, until they expire.
 */
import * as z from "zod/mini";
import { readSmall } from "../../artifacts/web/small.ts";
import { stripControl } from "../../base/text.ts";
import { type Namer, named } from "../../base/url.ts";
import { zoneOfHost } from "../../base/zone.ts";
import { type Http, HttpError, type IncomingAnswer, type OutgoingRequest } from "../../host/net/http-fetch.ts";
import type { Credential } from "../../model/credential.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";

export type AuthDeps = { http: Http /** Unix time in `ms` */; now(): number };

/** A challenge that can't be answered. `problem` is a clause. */
export class AuthError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.name = "AuthError";
    this.problem = problem;
  }
}

/** The token server is overloaded: a retry may help. */
export class BusyError extends Error {
  readonly status: number;
  /** `Retry-After` as it was sent */
  readonly wait: string | null;
  constructor(status: number, wait: string | null) {
    super(`its token server answered ${status}`);
    this.name = "BusyError";
    this.status = status;
    this.wait = wait;
  }
}

export const wrongCredential = "the user name, password or token is wrong";

const maxToken = 64 * 1024;
/** lifetime of tokens without one, and a margin taken off every lifetime, in `ms` */
const defaultLifeMs = 60_000;
const marginMs = 5_000;

const answerSchema = z.object({
  token: z.optional(z.string()),
  access_token: z.optional(z.string()),
  expires_in: z.optional(z.number()),
});

export class RegistryAuth {
  readonly #deps: AuthDeps;
  readonly #credential: Credential | null;
  readonly #tokens = new Map<string, { header: string; expires: number }>();

  constructor(deps: AuthDeps, credential: Credential | null) {
    this.#deps = deps;
    this.#credential = credential;
  }

  /** The Authorization header that is known to work for that scope, or null. */
  header(scope: string): string | null {
    const kept = this.#tokens.get(scope);
    return kept && kept.expires > this.#deps.now() ? kept.header : null;
  }

  /**
   * Answers a 401.
   * @param sent the header that was refused
   * @param namer the addresses that the registry may redirect to
   * @throws AuthError, BusyError, and what the connection throws
   */
  async answer(
    { url, challenge: header, sent }: { url: string; challenge: string | null; sent: string | null },
    namer: Namer,
    scope: string,
    signal: AbortSignal,
  ): Promise<string> {
    const kept = this.header(scope);
    // another request got the same challenge and has answered it
    if (kept !== null && kept !== sent) return kept;
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer) return this.#bearer(this.#realm(url, bearer, namer), bearer, { namer, scope, signal });
    if (challenges.some(({ scheme }) => scheme === "basic")) return this.#basic(scope, sent);
    throw new AuthError("it offers no supported authentication scheme");
  }

  #basic(scope: string, sent: string | null): string {
    const credential = this.#credential;
    if (!credential || !("username" in credential)) throw new AuthError("it requires a user name and a password");
    const header = basicHeader(credential);
    // it was refused once: sending it again is no use
    if (sent === header) throw new AuthError(wrongCredential);
    this.#tokens.set(scope, { header, expires: Number.POSITIVE_INFINITY });
    return header;
  }

  /**
   * The URL of the token server. The password is sent there, so plain http is allowed only on the registry's own
   * machine.
   */
  #realm(url: string, { parameters }: Challenge, namer: Namer): string {
    const text = parameters.get("realm") ?? "";
    const realm = named(url, text, namer);
    if (text === "") throw new AuthError("its challenge has no token server");
    if (realm === null) {
      const server = JSON.stringify(stripControl(text).slice(0, 100));
      throw new AuthError(`it names the token server ${server}, which is plain http or a forbidden address`);
    }
    if (this.#credential && realm.startsWith("http:") && !isSameMachine(url, realm)) {
      throw new AuthError(`it asks for the password to be sent to ${new URL(realm).host} without encryption`);
    }
    return realm;
  }

  async #bearer(realm: string, { parameters }: Challenge, { namer, scope, signal }: Asking): Promise<string> {
    const service = parameters.get("service") ?? "";
    const request = this.#tokenRequest(realm, service, parameters.get("scope") ?? scope);
    const answer = await this.#send({ ...request, zones: ["public", namer.zone], signal });
    const text = await readSmall(answer, maxToken);
    const { status } = answer;
    if (status === 429 || status === 408 || status >= 500) throw new BusyError(status, answer.header("retry-after"));
    if (status === 401 || status === 403) throw new AuthError(refusedBy(this.#credential));
    if (status !== 200 || text === null) {
      throw new AuthError(`${new URL(realm).host} did not issue a token: status ${status}`);
    }
    const { token, lifeMs } = tokenIn(text);
    const kept = { header: `Bearer ${token}`, expires: this.#deps.now() + lifeMs - marginMs };
    this.#tokens.set(scope, kept);
    return kept.header;
  }

  async #send(request: OutgoingRequest): Promise<IncomingAnswer> {
    try {
      return await this.#deps.http(request);
    } catch (error) {
      throw error instanceof HttpError && error.kind === "zone" ? new AuthError(error.problem) : error;
    }
  }

  /** An identity token is exchanged by POST (OAuth 2), a password by GET with Basic. */
  #tokenRequest(realm: string, service: string, scope: string) {
    const credential = this.#credential;
    if (credential && "identityToken" in credential) {
      const form = { grant_type: "refresh_token", service, scope, client_id: "banger" };
      const body = new URLSearchParams({ ...form, refresh_token: credential.identityToken }).toString();
      const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
      return { method: "POST", url: realm, headers, body } as const;
    }
    const url = new URL(realm);
    if (service !== "") url.searchParams.set("service", service);
    for (const one of scope.split(" ")) if (one !== "") url.searchParams.append("scope", one);
    const headers = { accept: "application/json", ...(credential ? { authorization: basicHeader(credential) } : {}) };
    return { method: "GET", url: url.href, headers } as const;
  }
}

type Asking = { namer: Namer; scope: string; signal: AbortSignal };

function isSameMachine(a: string, b: string): boolean {
  const [one, other] = [new URL(a).hostname, new URL(b).hostname];
  return one === other || (zoneOfHost(one) === "loopback" && zoneOfHost(other) === "loopback");
}

function refusedBy(credential: Credential | null): string {
  return credential ? wrongCredential : "it requires a login";
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function tokenIn(text: string): { token: string; lifeMs: number } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new AuthError("its token server's answer is not JSON");
  }
  const parsed = answerSchema.safeParse(json);
  const token = parsed.success ? (parsed.data.token ?? parsed.data.access_token) : undefined;
  if (!token || !/^[\x21-\x7e]+$/.test(token)) throw new AuthError("its token server's answer has no token");
  const seconds = parsed.data?.expires_in;
  return { token, lifeMs: seconds === undefined ? defaultLifeMs : Math.min(Math.max(0, seconds), 86_400) * 1000 };
}
