/** What banger gives to one VM alone: its identity, and what its host hands on. No image keeps it: the next VM gets its own. */

import type { TarKind } from "../formats/tar/header.ts";

/** Where a distribution's tool looks for authorities beside its own; the host's are there for it too. */
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
/** Mostly a link to the one in /etc, and then nothing of its own. */
const dbusMachineId = "var/lib/dbus/machine-id";
const patterns = [
  /^etc\/ssh\/ssh_host_[a-z0-9]+_key(?:\.pub)?$/,
  // authorities that the host's owner added
  /^usr\/local\/share\/ca-certificates\/banger(?:-\d+\.crt|\.pem)$/,
  /^etc\/ssl\/certs\/banger-\d+\.pem$/,
];

/** Files that the host's authorities are added to, so that programs find them (agent/src/verbs/identity/certificates.rs). */
export const certificateBundles: ReadonlySet<string> = new Set([
  "etc/ssl/certs/ca-certificates.crt",
  "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "etc/ssl/ca-bundle.pem",
  "etc/pki/tls/certs/ca-bundle.crt",
  "etc/ssl/cert.pem",
]);

/** A bundle without the certificates that are the host's. @param certificates PEM, as guests are given them */
export function withoutCertificates(bundle: Uint8Array, certificates: readonly string[]): Uint8Array {
  const text = Buffer.from(bundle).toString("latin1");
  const left = certificates.reduce((rest, certificate) => rest.replaceAll(certificate, ""), text);
  return left.length === text.length ? bundle : Buffer.from(left, "latin1");
}

/** Where a VM's own name is one line among others. */
export const hostsFile = "etc/hosts";

/** Without the line that gives the VM its name (agent/src/verbs/identity/names.rs). */
export function withoutHostName(hosts: Uint8Array): Uint8Array {
  const text = Buffer.from(hosts).toString("latin1");
  return Buffer.from(text.replace(/^[ \t]*127\.0\.1\.1[ \t].*(?:\n|$)/gm, ""), "latin1");
}

/** Folders at the top that are links in some images: ostree's `/root`, a read-only root's `/etc`. */
export const linkedFolders = ["etc", "root", "usr", "var"] as const;

/**
 * The path that leads to a file by its usual name.
 * @param links where those of `linkedFolders` that are links lead to: `etc` to `usr/etc`
 */
export function usualPath(path: string, links: ReadonlyMap<string, string>): string {
  for (const [folder, target] of links) if (path.startsWith(`${target}/`)) return folder + path.slice(target.length);
  return path;
}

/** @param path without a slash at its beginning */
export function isPerVmFile(path: string, kind: TarKind = "file"): boolean {
  if (path === dbusMachineId) return kind !== "symlink";
  return names.has(path) || patterns.some((pattern) => pattern.test(path));
}
