/** Flags and arguments that several commands share. */
import { parseVmName } from "../base/names.ts";
import { networkKinds } from "../model/network.ts";
import { waitKinds } from "../model/vm.ts";
import { vmmChoices } from "../model/vmm.ts";
import {
  parseDisk,
  parseGrace,
  parseIdle,
  parseMemory,
  parseNetwork,
  parseVcpu,
  parseVmm,
  parseWait,
} from "./flags.ts";

type Parse<T> = (value: string) => T;

const asIs: Parse<string> = (value) => value;

/** A flag with a value. @param choices all its values, for completion */
export function valued<T>(brief: string, placeholder: string, parse: Parse<T>, choices?: readonly string[]) {
  return { kind: "parsed", parse, optional: true, brief, placeholder, ...(choices ? { choices } : {}) } as const;
}

/** A flag whose value is any text. */
export function text(brief: string, placeholder: string) {
  return valued(brief, placeholder, asIs);
}

/** As `text`, for a flag that must be given. */
export function requiredText(brief: string, placeholder: string) {
  return { kind: "parsed", parse: asIs, brief, placeholder } as const;
}

/** As `text`, for a flag that can be given more than once. */
export function repeated(brief: string, placeholder: string) {
  return { kind: "parsed", parse: asIs, optional: true, variadic: true, brief, placeholder } as const;
}

/** A flag without a value. */
export function switched(brief: string) {
  return { kind: "boolean", optional: true, withNegated: false, brief } as const;
}

/** A flag of docker's that means nothing here, because it is always so: taken, and not in the help. */
export function dockers(why: string) {
  return { ...switched(why), hidden: true } as const;
}

type Required<T> = { readonly parse: Parse<T>; readonly placeholder: string; readonly brief: string };

/** An argument that must be given. */
export function required(placeholder: string, brief: string): Required<string>;
export function required<T>(placeholder: string, brief: string, parse: Parse<T>): Required<T>;
export function required(placeholder: string, brief: string, parse: Parse<unknown> = asIs): Required<unknown> {
  return { parse, placeholder, brief };
}

type Optional<T> = Required<T> & { readonly optional: true };

/** An argument that can be left out. */
export function optional(placeholder: string, brief: string): Optional<string>;
export function optional<T>(placeholder: string, brief: string, parse: Parse<T>): Optional<T>;
export function optional(placeholder: string, brief: string, parse: Parse<unknown> = asIs): Optional<unknown> {
  return { parse, placeholder, brief, optional: true };
}

/** A fixed list of arguments. */
export function positionals<const P extends readonly unknown[]>(...parameters: P) {
  return { kind: "tuple", parameters } as const;
}

/** One argument or more, all of one kind. */
export function several(placeholder: string, brief: string, parse: Parse<string> = asIs) {
  return { kind: "array", minimum: 1, parameter: { parse, placeholder, brief } } as const;
}

export const vmName = positionals(required("VM", "name of a VM"));
export const vmNames = several("VM", "names of VMs");

export const jsonFlag = { json: switched("print output, events and errors as JSON") } as const;

export const bundleFlags = {
  name: text("name in the catalog (default: its name here)", "NAME"),
  description: text("one-line description for the catalog", "TEXT"),
  ...jsonFlag,
} as const;

export function bundleArguments(placeholder: string, brief: string) {
  return positionals(required(placeholder, brief), required("DIR", "folder for the bundle; created if missing"));
}

export const catalogWord = positionals(optional("WORD", "only entries with this word in their name or description"));

export const loginFlags = {
  username: text("user at the registry (default: as docker or podman are logged in)", "NAME"),
  passwordStdin: switched("read that user's password or token from stdin"),
} as const;

export const verifyFlag = { verify: switched("read all of its files, and fail if they are damaged") } as const;

export const waitFlag = {
  wait: valued("wait for the guest's services (default) or only for the agent", "WHAT", parseWait, waitKinds),
} as const;

export const forceFlag = { force: switched("do not ask for confirmation") } as const;
export const forceAliases = { f: "force", y: "force" } as const;

export const coldFlag = { cold: switched("boot instead of restoring from a template or a saved state") } as const;

export const graceFlag = {
  grace: valued("how long the guest has before its power is cut (default: 30s)", "TIME", parseGrace),
} as const;

const envFlags = {
  env: repeated(
    "set an environment variable; K alone takes its value from here, K=V is visible to other users in `ps`",
    "K=V",
  ),
  envFile: repeated("read environment variables from a file, one K=V, K or # comment a line; - for stdin", "FILE"),
} as const;

export const ttyFlag = {
  tty: { kind: "boolean", optional: true, brief: "allocate a terminal or not (default: if there is one here)" },
  interactive: dockers("stdin is open anyway"),
  noStdin: switched("do not read stdin, such as in a loop that reads its own; the command sees an empty input"),
} as const;

export const syncFlag = { noSync: switched("do not copy the files that [[file_sync]] in config.toml names") } as const;

/** What defines a VM: the same for `vm run` and `vm create`. */
export const createFlags = {
  name: valued("name of the VM (default: generated)", "NAME", parseVmName),
  image: text("image (default: debian-bookworm)", "IMAGE"),
  kernel: text("kernel (default: debian-bookworm-cloud)", "KERNEL"),
  vcpu: valued("number of CPUs", "N", parseVcpu),
  memory: valued("memory, such as 2G or 512M", "SIZE", parseMemory),
  disk: valued("disk, such as 20G; takes up space only as it fills", "SIZE", parseDisk),
  network: valued("user (default), none, or in system mode bridge (its default)", "KIND", parseNetwork, networkKinds),
  vmm: valued("auto (default), firecracker or qemu", "VMM", parseVmm, vmmChoices),
  deny: repeated("network that the guest must not reach, such as 10.0.0.0/8, or lan", "NETWORK"),
  nested: switched("let the guest run VMs of its own"),
  publish: repeated(
    "forward a port of this host to one of the VM, such as 8080:3000, or 0.0.0.0:8080:3000 for other hosts",
    "PORTS",
  ),
  noForward: switched("do not forward what listens in the VM; published ports are"),
  allowHost: repeated("let the VM reach this port of this host's 127.0.0.1, as host.banger.internal", "PORT"),
  idleTimeout: valued("suspend the VM after this long without use, such as 30m (default: never)", "TIME", parseIdle),
  ...envFlags,
  ...syncFlag,
  ...jsonFlag,
} as const;

/** How a command in a VM runs. */
export const sessionFlags = {
  ...envFlags,
  cwd: {
    ...text("working directory in the guest (default: the user's home)", "DIR"),
    // a folder there, not here
    completes: "nothing",
  },
  user: text("user in the guest (default: root)", "USER"),
  ...ttyFlag,
  ...jsonFlag,
} as const;
export const sessionAliases = { e: "env", i: "interactive", n: "noStdin", t: "tty", u: "user" } as const;
