/** URLs from outside: whether banger fetches them, and where they may redirect. Pure. */
import { isLoopback } from "./reference.ts";
import { mayName, type Zone, zoneOfHost } from "./zone.ts";

/**
 * What is wrong with a URL to download from, as a clause; null when it is acceptable: https, file, or http that can't leave this
 * machine.
 */
export function sourceProblem(text: string): string | null {
  const url = text.length <= maxUrl && URL.canParse(text) ? new URL(text) : null;
  if (!url) return "is no URL";
  if (url.username !== "" || url.password !== "") return "has a password in it";
  if (url.search !== "" || url.hash !== "") return "has a query or a fragment";
  if (url.protocol === "file:") return url.host === "" ? null : "names a file of another host";
  if (url.protocol === "http:") return isLoopback(url.host) ? null : "is plain http: use https";
  return url.protocol === "https:" ? null : "is neither https nor file";
}

const maxUrl = 2048;

/**
 * The URL of something that the document at `from` names, absolute or relative. Null when the document must not name it: a document
 * from the network can name only places on the network, by https unless it came from this machine.
 */
export function besides(from: string, reference: string): string | null {
  if (reference.length > maxUrl || !URL.canParse(reference, from)) return null;
  const url = new URL(reference, from).href;
  if (sourceProblem(url) !== null) return null;
  if (from.startsWith("https:") && !url.startsWith("https:")) return null;
  return url.startsWith("file:") && !from.startsWith("file:") ? null : url;
}

/** The path of a file URL; null for one that can't be a path. */
export function pathOfUrl(text: string): string | null {
  const { pathname } = new URL(text);
  try {
    return /%2f|%00/i.test(pathname) ? null : decodeURIComponent(pathname);
  } catch {
    return null;
  }
}

/** Whether scheme, host and port are the same, which is what a password belongs to. */
export function isSameOrigin(a: string, b: string): boolean {
  return new URL(a).origin === new URL(b).origin;
}

/** The server that named a URL, which decides what the URL may lead to. */
export type Namer = {
  /** plain http is allowed, because the user said so */
  insecure: boolean;
  /** zone of the server that was asked first, whatever redirects followed */
  zone: Zone;
};

/**
 * A URL that a server at `from` named. Null if it is not for a web server; if it is unencrypted, unless the user allowed that or both
 * are this machine; or if its address is one that this server may not name.
 */
export function named(from: string, location: string, { insecure, zone }: Namer): string | null {
  try {
    const url = new URL(location, from);
    url.username = "";
    url.password = "";
    const isPlain = url.protocol === "http:";
    if (url.protocol !== "https:" && !isPlain) return null;
    const target = zoneOfHost(url.hostname);
    // a host name's addresses are checked when it is connected to
    if (target !== null && !mayName(zone, target)) return null;
    if (isPlain && !insecure && target !== "loopback") return null;
    return url.href;
  } catch {
    return null;
  }
}

/** The target of a redirect; null also if encryption would end there. */
export function followed(from: string, location: string, namer: Namer): string | null {
  const next = named(from, location, namer);
  return next?.startsWith("http:") && from.startsWith("https:") ? null : next;
}
