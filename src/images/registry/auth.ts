/**
 * Answers to a registry's challenges: Basic, and Bearer tokens from the realm that it names (CNCF distribution,
 * "Token Authentication Specification"). Tokens are kept in memory, for each scope, until they expire.
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

/** A registry that can't be satisfied. `problem` is half a sentence. */
export class AuthError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.name = "AuthError";
    this.problem = problem;
  }
}

/** The token server has too much to do: asking again may help. */
export class BusyError extends Error {
  readonly status: number;
  /** `Retry-After` as it was sent */
  readonly wait: string | null;
  constructor(status: number, wait: string | null) {
    super(`its token server answers ${status}`);
    this.name = "BusyError";
    this.status = status;
    this.wait = wait;
  }
}

export const wrongCredential = "user name, password or token are not right";

export const maxToken = 64 * 1024;
/** of tokens that don't say, and a little less than they say, in `ms` */
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

  /** What is known to work for that scope, or nothing. */
  header(scope: string): string | null {
    const kept = this.#tokens.get(scope);
    return kept && kept.expires > this.#deps.now() ? kept.header : null;
  }

  /**
   * Answers a 401.
   * @param sent what was refused
   * @param namer what the registry may name
   * @throws AuthError, BusyError, and what the line throws
   */
  async answer(
    { url, challenge: header, sent }: { url: string; challenge: string | null; sent: string | null },
    namer: Namer,
    scope: string,
    signal: AbortSignal,
  ): Promise<string> {
    const kept = this.header(scope);
    // another request was asked the same, and has answered
    if (kept !== null && kept !== sent) return kept;
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer) return this.#bearer(this.#realm(url, bearer, namer), bearer, { namer, scope, signal });
    if (challenges.some(({ scheme }) => scheme === "basic")) return this.#basic(scope, sent);
    throw new AuthError("it does not say how it wants to be asked");
  }

  #basic(scope: string, sent: string | null): string {
    const credential = this.#credential;
    if (!credential || !("username" in credential)) throw new AuthError("it wants a user name and a password");
    const header = basicHeader(credential);
    // sent once and refused: no use to send it again
    if (sent === header) throw new AuthError(wrongCredential);
    this.#tokens.set(scope, { header, expires: Number.POSITIVE_INFINITY });
    return header;
  }

  /** Where a token is to be had. A password goes there, so in plain text to the registry's own machine alone. */
  #realm(url: string, { parameters }: Challenge, namer: Namer): string {
    const text = parameters.get("realm") ?? "";
    const realm = named(url, text, namer);
    if (text === "") throw new AuthError("it names no token server");
    if (realm === null) {
      const server = JSON.stringify(stripControl(text).slice(0, 100));
      throw new AuthError(
        `it names the token server ${server}, which is plain http or an address that it may not name`,
      );
    }
    if (this.#credential && realm.startsWith("http:") && !isSameMachine(url, realm)) {
      throw new AuthError(`it wants the password sent to ${new URL(realm).host} without encryption`);
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
      throw new AuthError(`${new URL(realm).host} gives no token: status ${status}`);
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
  return credential ? wrongCredential : "it wants to know who asks";
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function tokenIn(text: string): { token: string; lifeMs: number } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new AuthError("its token server answers no JSON");
  }
  const parsed = answerSchema.safeParse(json);
  const token = parsed.success ? (parsed.data.token ?? parsed.data.access_token) : undefined;
  if (!token || !/^[\x21-\x7e]+$/.test(token)) throw new AuthError("its token server gives no token");
  const seconds = parsed.data?.expires_in;
  return { token, lifeMs: seconds === undefined ? defaultLifeMs : Math.min(Math.max(0, seconds), 86_400) * 1000 };
}
