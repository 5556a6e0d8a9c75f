/** known_hosts (sshd(8)) of the VMs on the bridge, for whoever connects to their own sshd. Pure. */

export type KnownHost = {
  /** of the VM */
  name: string;
  address: string;
  /** lines of public host keys: type, key, and a comment that is left out */
  keys: readonly string[];
};

/** One line for each key; the same hosts make the same text. */
export function knownHostsText(hosts: readonly KnownHost[]): string {
  const lines = hosts.flatMap(({ name, address, keys }) =>
    keys.flatMap((line) => {
      const key = /^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(?= |$)/.exec(line)?.[0];
      return key === undefined ? [] : [`${name}.vm,${address} ${key}\n`];
    }),
  );
  return [head, ...lines.toSorted()].join("");
}

const head = "# The VMs on banger's bridge. Written by bangerd, which overwrites any changes.\n";
