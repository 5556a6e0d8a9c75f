/** Where a registry is: its URL, and whether a URL still belongs to it. */
import { isLoopback } from "../../base/reference.ts";

/** Docker Hub's API has another name than its images. */
export function endpointOf(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

/** Without encryption only where nobody can listen, or where the user said so. */
export function schemesOf(registry: string, insecure: boolean): ("https" | "http")[] {
  return insecure || isLoopback(registry) ? ["https", "http"] : ["https"];
}

/** Scheme, host and port: what a password is for. */
export function isSameOrigin(a: string, b: string): boolean {
  return new URL(a).origin === new URL(b).origin;
}

/**
 * A URL that a server named; null for one that leads elsewhere than to a web server, or to one on another machine
 * without encryption, unless the user said that this is all right.
 */
export function named(from: string, location: string, insecure: boolean): string | null {
  try {
    const url = new URL(location, from);
    url.username = "";
    url.password = "";
    const isPlain = url.protocol === "http:";
    if (url.protocol !== "https:" && !isPlain) return null;
    if (isPlain && !insecure && !isLoopback(url.host)) return null;
    return url.href;
  } catch {
    return null;
  }
}

/** Where a redirect leads; null also when encryption would end there. */
export function followed(from: string, location: string, insecure: boolean): string | null {
  const next = named(from, location, insecure);
  return next?.startsWith("http:") && from.startsWith("https:") ? null : next;
}
