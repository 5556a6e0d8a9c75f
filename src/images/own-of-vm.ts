/** What banger gives to one VM alone: its identity, and what its host hands on. No image keeps it: the next VM gets its own. */

/** Where a distribution's tool looks for authorities beside its own; the host's are there for it too. */
export const localAuthorities = "usr/local/share/ca-certificates";

const names = new Set([
  "etc/machine-id",
  "etc/hostname",
  "etc/resolv.conf",
  "etc/profile.d/banger-env.sh",
  "etc/systemd/system.conf.d/banger.conf",
  "root/.ssh/authorized_keys",
]);
const patterns = [
  /^etc\/ssh\/ssh_host_[a-z0-9]+_key(?:\.pub)?$/,
  // authorities that the host's owner added
  /^usr\/local\/share\/ca-certificates\/banger-\d+\.crt$/,
  /^etc\/ssl\/certs\/banger-\d+\.pem$/,
];

/** Files that the host's authorities are added to, so that programs find them (agent/src/verbs/identity/certificates.rs). */
export const certificateBundles: ReadonlySet<string> = new Set([
  "etc/ssl/certs/ca-certificates.crt",
  "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "etc/ssl/ca-bundle.pem",
]);

/** A bundle without the certificates that are the host's. @param certificates PEM, as guests are given them */
export function withoutCertificates(bundle: Uint8Array, certificates: readonly string[]): Uint8Array {
  const text = Buffer.from(bundle).toString("latin1");
  const left = certificates.reduce((rest, certificate) => rest.replaceAll(certificate, ""), text);
  return left.length === text.length ? bundle : Buffer.from(left, "latin1");
}

/** @param path without a slash at its beginning */
export function isOwnOfVm(path: string): boolean {
  return names.has(path) || patterns.some((pattern) => pattern.test(path));
}
