/** Words of docker and kubectl that banger has no equal for: what to type instead. */

/** By command, at the top or in `vm`. */
const commands: Readonly<Record<string, string>> = {
  attach: "`banger vm ssh VM` opens a shell, `banger vm logs -f VM` follows the console",
  commit: "`banger vm save VM IMAGE` makes an image of a stopped VM",
  describe: "`banger vm show VM` shows a VM in detail",
  get: "`banger vm ls` lists VMs, `banger image ls` images",
  load: "`banger image import FILE` reads what `docker save` wrote",
  login: "`banger image pull --username NAME IMAGE` takes a user, and knows where docker and podman are logged in",
  apply: "`banger image build FILE.toml` builds an image from a file, `banger vm run --image IMAGE` a VM of it",
  volume: "folders are copied into a VM: `banger vm run FOLDER`, `banger vm cp FOLDER VM:PATH`",
  network: "each VM has a network of its own: `--network` of `banger vm run` chooses its kind",
};

const volume = {
  ours: "image",
  next: "folders are copied, not mounted: `banger vm run FOLDER`, `banger vm cp FOLDER VM:PATH`",
};
const workdir = { ours: "cwd", next: "`--cwd DIR` is the working directory in the guest" };
const vcpu = { ours: "vcpu", next: "`--vcpu N` is its number of CPUs" };
const scripts = { ours: "json", next: "`--json` is for scripts" };
const json = { ours: "json", next: "`--json` prints JSON" };
const privileged = { ours: "nested", next: "root in a VM may do everything there already" };

/** By flag without its dashes. `ours` is a flag that the command must have. */
const flags: Readonly<Record<string, { ours?: string; next: string }>> = {
  v: volume,
  volume,
  mount: volume,
  w: workdir,
  workdir,
  m: { ours: "memory", next: "`--memory SIZE` is its memory, as in `--memory 2G`" },
  cpus: vcpu,
  c: vcpu,
  hostname: { ours: "name", next: "`--name NAME` is the name of the VM and its host name" },
  h: { next: "`--help` shows what it takes" },
  q: scripts,
  quiet: scripts,
  o: json,
  output: json,
  format: json,
  privileged,
  "cap-add": privileged,
};

export function foreignCommand(word: string): string | null {
  return Object.hasOwn(commands, word) ? (commands[word] ?? null) : null;
}

/** @param has whether the command has a flag of this name */
export function foreignFlag(flag: string, has: (name: string) => boolean): string | null {
  const known = Object.hasOwn(flags, flag) ? flags[flag] : undefined;
  return known === undefined || (known.ours !== undefined && !has(known.ours)) ? null : known.next;
}
