/** URLs that others name: whether we go there at all, and where a redirect may lead. Pure. */
import { isLoopback } from "./reference.ts";
import { mayName, type Zone, zoneOfHost } from "./zone.ts";

/**
 * What is wrong with a URL that files are fetched from, as half a sentence; null when it will do: https, file, and http
 * that can't leave this machine.
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
 * Where something that the document at `from` names is: absolute, or relative to it. Null where that is no place for it: a
 * document from the net names places in the net, by https unless it came from this machine itself.
 */
export function besides(from: string, reference: string): string | null {
  if (reference.length > maxUrl || !URL.canParse(reference, from)) return null;
  const url = new URL(reference, from).href;
  if (sourceProblem(url) !== null) return null;
  if (from.startsWith("https:") && !url.startsWith("https:")) return null;
  return url.startsWith("file:") && !from.startsWith("file:") ? null : url;
}

/** The path that a file URL means; null for one that can't be a path. */
export function pathOfUrl(text: string): string | null {
  const { pathname } = new URL(text);
  try {
    return /%2f|%00/i.test(pathname) ? null : decodeURIComponent(pathname);
  } catch {
    return null;
  }
}

/** Scheme, host and port: what a password is for. */
export function isSameOrigin(a: string, b: string): boolean {
  return new URL(a).origin === new URL(b).origin;
}

/** Who named a URL: what it may lead to. */
export type Namer = {
  /** plain http is all right there, since the user said so */
  insecure: boolean;
  /** of the server that we asked first, whatever redirects came since */
  zone: Zone;
};

/**
 * A URL that a server at `from` named. Null for one that leads elsewhere than to a web server; to one without encryption,
 * unless the user allowed that or both are this machine; or to an address that this server may not name.
 */
export function named(from: string, location: string, { insecure, zone }: Namer): string | null {
  try {
    const url = new URL(location, from);
    url.username = "";
    url.password = "";
    const isPlain = url.protocol === "http:";
    if (url.protocol !== "https:" && !isPlain) return null;
    const target = zoneOfHost(url.hostname);
    // what a name stands for is checked when it is connected to
    if (target !== null && !mayName(zone, target)) return null;
    if (isPlain && !insecure && target !== "loopback") return null;
    return url.href;
  } catch {
    return null;
  }
}

/** Where a redirect leads; null also when encryption would end there. */
export function followed(from: string, location: string, namer: Namer): string | null {
  const next = named(from, location, namer);
  return next?.startsWith("http:") && from.startsWith("https:") ? null : next;
}
