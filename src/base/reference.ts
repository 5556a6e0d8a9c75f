/**
 * An image in a registry: `docker.io/library/python:3.13`, `localhost:5000/tool@sha256:…`. Grammar: the OCI distribution specification
 * 1.1 and Docker's `distribution/reference`; Docker's short forms are not accepted.
 */
import { fail } from "./errors/error.ts";
import { type Digest, type ImageName, isImageName } from "./names.ts";

export type Reference = {
  /** host, possibly with `:port`: `docker.io`, `localhost:5000`, `[::1]:5000` */
  registry: string;
  /** `library/python` */
  repository: string;
  /** null only if there is a digest */
  tag: string | null;
  digest: Digest | null;
};

const host = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?`;
const component = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
const pattern = new RegExp(
  `^(${host})/(${component}(?:/${component})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Whether the first part can only be a registry's host: it has a dot or a port, or is `localhost`. */
export function looksLikeReference(text: string): boolean {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(0, slash));
  return first === "localhost" || /[.:]/.test(first);
}

/** Without tag and digest the tag is `latest`; on docker.io a bare name is in `library/`. Null when it is not a reference. */
export function referenceOf(text: string): Reference | null {
  const match = text.length <= 512 && looksLikeReference(text) ? pattern.exec(text) : null;
  if (!match) return null;
  const [, given = "", path = "", tag, digest] = match;
  const lower = given.toLowerCase();
  const registry = lower === "index.docker.io" || lower === "registry-1.docker.io" ? "docker.io" : lower;
  const repository = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  return {
    registry,
    repository,
    tag: tag ?? (digest ? null : "latest"),
    digest: (digest as Digest | undefined) ?? null,
  };
}

/** A name that catalogs may use: neither a registry reference nor similar to a digest. */
export function isCatalogName(text: string): text is ImageName {
  return text.length <= 128 && isImageName(text) && !text.startsWith("sha256:") && referenceOf(text) === null;
}

/** @throws IMAGE_NAME_INVALID */
export function parseReference(text: string): Reference {
  const reference = referenceOf(text);
  if (!reference) throw fail("IMAGE_NAME_INVALID", { text });
  return reference;
}

/** The canonical spelling of a reference, which is the name of an image pulled from it. */
export function formatReference({ registry, repository, tag, digest }: Reference): ImageName {
  return `${registry}/${repository}${tag === null ? "" : `:${tag}`}${digest === null ? "" : `@${digest}`}` as ImageName;
}

/** True for hosts that are this machine, so that a plain-text connection to them never leaves it. */
export function isLoopback(registry: string): boolean {
  const name = registry.replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
