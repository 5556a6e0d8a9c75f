/** What banger gives to one VM alone: its identity, and what its host hands on. No image keeps it: the next VM gets its own. */

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
];

/** @param path without a slash at its beginning */
export function isOwnOfVm(path: string): boolean {
  return names.has(path) || patterns.some((pattern) => pattern.test(path));
}
