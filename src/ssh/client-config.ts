/** The configuration of the user's ssh client for VMs (ssh_config(5)): one block for all of them, so it stays right as they come and go. Pure. */

export type ClientConfigFacts = {
  /** path of `banger` */
  program: string;
  /** path of the private key, or of its public half where an agent has the other */
  identity: string;
  /** path of the public half that the gateway admits; null: banger's own */
  admits: string | null;
  knownHosts: string;
};

export function clientConfigText({ program, identity, admits, knownHosts }: ClientConfigFacts): string {
  return [
    "# ssh to the VMs of banger. Written by `banger ssh-config`, which overwrites any changes.",
    "Host *.vm",
    // the user's shell runs it: ssh refuses names with characters that mean something to a shell, and quotes keep those that an old one lets pass
    `  ProxyCommand ${shellWord(program)} ssh-gateway '%h'${admits === null ? "" : ` ${shellWord(admits)}`}`,
    "  User root",
    `  IdentityFile ${word(identity)}`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${word(knownHosts)}`,
    "  GlobalKnownHostsFile none",
    "  StrictHostKeyChecking yes",
    "  UpdateHostKeys no",
    "  PreferredAuthentications publickey",
    "",
  ].join("\n");
}

/** @param publicKey of the gateway, as `type key comment` */
export function gatewayKnownHosts(publicKey: string): string {
  const [type = "", key = ""] = publicKey.split(" ");
  return `*.vm ${type} ${key}\n`;
}

/** One argument: in double quotes, with `%` doubled, which begins a token. */
function word(text: string): string {
  return `"${text.replaceAll("%", "%%")}"`;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("%", "%%").replaceAll("'", "'\\''")}'`;
}
