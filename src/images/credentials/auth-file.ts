/** The registry credentials in docker's `config.json`. */

import * as z from "zod/mini";
import { fail } from "../../base/errors/error.ts";
import { trimEndOf } from "../../base/trim.ts";
import type { Credential } from "../../model/credential.ts";

export type StoredAuth = { auth?: string; username?: string; password?: string; identityToken?: string };

export type AuthFile = {
  path: string;
  auths: ReadonlyMap<string, StoredAuth>;
  credHelpers: ReadonlyMap<string, string>;
  credsStore: string | null;
};

const text = z.optional(z.string());
const schema = z.object({
  auths: z.optional(
    z.record(z.string(), z.object({ auth: text, username: text, password: text, identitytoken: text })),
  ),
  credHelpers: z.optional(z.record(z.string(), z.string())),
  credsStore: text,
});

/** @throws CREDENTIALS_INVALID */
export function parseAuthFile(content: string, path: string): AuthFile {
  const parsed = schema.safeParse(jsonOf(content, path));
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.slice(0, 1).map(String).join(".") ?? "";
    throw unusable(path, `its ${where || "content"} is not what docker writes`);
  }
  const { auths = {}, credHelpers = {}, credsStore } = parsed.data;
  const entries = Object.entries(auths).map(([key, { auth, username, password, identitytoken }]) => {
    const stored = { auth, username, password, identityToken: identitytoken };
    return [key, Object.fromEntries(Object.entries(stored).filter(([, value]) => value)) as StoredAuth] as const;
  });
  return {
    path,
    auths: new Map(entries),
    credHelpers: new Map(Object.entries(credHelpers)),
    credsStore: credsStore || null,
  };
}

function jsonOf(content: string, path: string): unknown {
  try {
    return JSON.parse(content.trim() === "" ? "{}" : content);
  } catch {
    throw unusable(path, "it is not JSON");
  }
}

/**
 * The entry with the most specific key: for `host/one/two` the whole path, then `host/one`, then the host
 * (containers-auth.json(5)).
 * @param keys spellings of the registry, the usual one first @param repository in that registry; empty: any
 */
export function storedFor(file: AuthFile, keys: readonly string[], repository = ""): Credential | null {
  const paths = repository === "" ? [] : repository.split("/").map((_, at, parts) => parts.slice(0, at + 1).join("/"));
  const exact = [...paths.toReversed().flatMap((path) => keys.map((key) => `${key}/${path}`)), ...keys];
  const stored = exact.map((key) => file.auths.get(key)).find((found) => found !== undefined) ?? byHost(file, keys);
  return stored ? credentialOf(stored, file.path) : null;
}

/** docker's older keys are URLs of an API: the path after the host is not a repository. */
function byHost(file: AuthFile, keys: readonly string[]): StoredAuth | undefined {
  const wanted = new Set(keys.map(hostOf));
  return [...file.auths].find(([key]) => isAddress(key) && wanted.has(hostOf(key)))?.[1];
}

function isAddress(key: string): boolean {
  return /^https?:\/\//.test(key) || /^[^/]+\/(?:v[12]\/?)?$/.test(key) || !key.includes("/");
}

function credentialOf(stored: StoredAuth, path: string): Credential | null {
  if (stored.identityToken) return { identityToken: stored.identityToken };
  if (stored.username && stored.password) return { username: stored.username, password: stored.password };
  if (!stored.auth) return null;
  const plain = trimEndOf(Buffer.from(stored.auth, "base64").toString("utf8"), "\0");
  const at = plain.indexOf(":");
  if (at <= 0) throw unusable(path, "an `auth` in it does not decode to user:password");
  return { username: plain.slice(0, at), password: plain.slice(at + 1) };
}

/** docker can't log in either while its file is broken. */
function unusable(path: string, problem: string): Error {
  const next = `repair ${path}, or move it away and log in again; or use --username and --password-stdin`;
  return fail("CREDENTIALS_INVALID", { source: path, problem, next });
}

/** The host of a key, which is a host or a URL. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
