/**
 * Files that belong to one VM: its identity, and what its host passes on. Images never contain them: each VM gets its
 * own.
 */

import type { TarKind } from "../formats/tar/header.ts";

/** The folder where a distribution's tools look for additional CA certificates; the host's are put there too. */
export const localCertificateFolder = "usr/local/share/ca-certificates";

const names = new Set([
  "etc/machine-id",
  "etc/hostname",
  "etc/resolv.conf",
  "etc/profile.d/banger-env.sh",
  "etc/systemd/system.conf.d/banger.conf",
  "root/.ssh/authorized_keys",
  "var/lib/systemd/random-seed",
]);
/** Usually a link to the one in /etc, and then kept. */
const dbusMachineId = "var/lib/dbus/machine-id";
const patterns = [
  /^etc\/ssh\/ssh_host_[a-z0-9]+_key(?:\.pub)?$/,
  // CA certificates of the host
  /^usr\/local\/share\/ca-certificates\/banger(?:-\d+\.crt|\.pem)$/,
  /^etc\/ssl\/certs\/banger-\d+\.pem$/,
];

/**
 * Bundles that the host's CA certificates are added to, so that programs find them
 * (agent/src/verbs/identity/certificates.rs).
 */
export const certificateBundles: ReadonlySet<string> = new Set([
  "etc/ssl/certs/ca-certificates.crt",
  "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "etc/ssl/ca-bundle.pem",
  "etc/pki/tls/certs/ca-bundle.crt",
  "etc/ssl/cert.pem",
]);

/** A bundle without the host's certificates. @param certificates PEM, as given to guests */
export function withoutCertificates(bundle: Uint8Array, certificates: readonly string[]): Uint8Array {
  const text = Buffer.from(bundle).toString("latin1");
  const left = certificates.reduce((rest, certificate) => rest.replaceAll(certificate, ""), text);
  return left.length === text.length ? bundle : Buffer.from(left, "latin1");
}

/** The hosts file, with a line for the VM's own name. */
export const hostsFile = "etc/hosts";

/** Removes the line that names the VM (agent/src/verbs/identity/names.rs). */
export function withoutHostName(hosts: Uint8Array): Uint8Array {
  const text = Buffer.from(hosts).toString("latin1");
  return Buffer.from(text.replace(/^[ \t]*127\.0\.1\.1[ \t].*(?:\n|$)/gm, ""), "latin1");
}

/** Top-level folders that are links in some images: ostree's `/root`, a read-only root's `/etc`. */
export const linkedFolders = ["etc", "root", "usr", "var"] as const;

/**
 * The usual path of a file in a folder that `links` lead to.
 * @param links targets of those of `linkedFolders` that are links: `etc` to `usr/etc`
 */
export function usualPath(path: string, links: ReadonlyMap<string, string>): string {
  for (const [folder, target] of links) if (path.startsWith(`${target}/`)) return folder + path.slice(target.length);
  return path;
}

/** @param path without a leading slash */
export function isPerVmFile(path: string, kind: TarKind = "file"): boolean {
  if (path === dbusMachineId) return kind !== "symlink";
  return names.has(path) || patterns.some((pattern) => pattern.test(path));
}
