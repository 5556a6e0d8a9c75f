/** Gathers the facts for `proxy.ts`: variables, and certificate files in the places of distributions and tools. */
import { byteTextOf, listNames, readBeneath, realPath } from "../host/files/tree.ts";
import { bundleNames, type ProxyFacts } from "./proxy.ts";

/** the largest file of certificates or settings, in bytes */
const maxFile = 4 * 1024 * 1024;
const maxFiles = 200;

/** The first that exists is the distribution's bundle: Debian, Fedora, SUSE, Alpine. */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
/** Where the host's administrator adds certificates: Debian, Fedora, SUSE, Arch. */
const addedFolders = [
  "/usr/local/share/ca-certificates",
  "/etc/pki/ca-trust/source/anchors",
  "/etc/pki/trust/anchors",
  "/etc/ca-certificates/trust-source/anchors",
];

export type ProxyPlaces = { bundles: readonly string[]; addedFolders: readonly string[] };

/** An unreadable file counts as absent. */
export function readProxyFacts(
  env: Record<string, string | undefined>,
  places: ProxyPlaces = { bundles, addedFolders },
): ProxyFacts {
  const standard = places.bundles.map(readTextOrNothing).find((text) => text !== "") ?? "";
  const named = [...new Set(bundleNames.flatMap((name) => (env[name]?.startsWith("/") ? [env[name]] : [])))];
  return { env, added: places.addedFolders.flatMap(readFolder), named: named.map(readTextOrNothing), standard };
}

function readFolder(folder: string): string[] {
  const names = orNothing(() => listNames(byteTextOf(folder))) ?? [];
  return names
    .filter((name) => /\.(?:crt|pem)$/.test(name))
    .slice(0, maxFiles)
    .map((name) => readTextOrNothing(`${folder}/${Buffer.from(name, "latin1").toString("utf8")}`));
}

/** The file's text, empty when it can't be read. Follows links: the host's administrator controls these paths. */
export function readTextOrNothing(path: string): string {
  return (
    orNothing(() => {
      const real = realPath(byteTextOf(path));
      const cut = real.lastIndexOf("/");
      const bytes = readBeneath(real.slice(0, cut) || "/", real.slice(cut + 1), maxFile);
      return bytes === null ? "" : Buffer.from(bytes).toString("latin1");
    }) ?? ""
  );
}

function orNothing<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
