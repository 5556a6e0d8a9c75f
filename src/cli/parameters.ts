/** Flags and arguments that several commands have in the same words. */
import { parseVmName } from "../base/names.ts";
import { parseDisk, parseGrace, parseIdle, parseMemory, parseNetwork, parseVcpu, parseWait } from "./flags.ts";

const text = (value: string) => value;

/** A flag with a value. */
export function valued<T>(brief: string, placeholder: string, parse: (value: string) => T) {
  return { kind: "parsed", parse, optional: true, brief, placeholder } as const;
}

/** A flag with a value that is text as it is. */
export function worded(brief: string, placeholder: string) {
  return valued(brief, placeholder, text);
}

/** A flag without a value. */
export function toggled(brief: string) {
  return { kind: "boolean", optional: true, withNegated: false, brief } as const;
}

export function one(placeholder: string, brief: string) {
  return { kind: "tuple", parameters: [{ parse: text, placeholder, brief }] } as const;
}

export function oneIfAny(placeholder: string, brief: string) {
  return { kind: "tuple", parameters: [{ parse: text, placeholder, brief, optional: true }] } as const;
}

export function several(placeholder: string, brief: string) {
  return { kind: "array", minimum: 1, parameter: { parse: text, placeholder, brief } } as const;
}

export const vmName = one("NAME", "name of a VM");
export const vmNames = several("NAME", "names of VMs");

export const jsonFlag = { json: toggled("output, events and errors as JSON") } as const;

export const bundleFlags = {
  name: worded("what it is called in the catalog (default: as it is called here)", "NAME"),
  description: worded("one line about it, for the catalog", "TEXT"),
  ...jsonFlag,
} as const;

export function bundlePlace(placeholder: string, brief: string) {
  const folder = { parse: text, placeholder: "DIR", brief: "folder for the bundle; made when it is absent" };
  return { kind: "tuple", parameters: [{ parse: text, placeholder, brief }, folder] } as const;
}

export const loginFlags = {
  username: worded("user at the registry (default: as docker and podman know you)", "NAME"),
  passwordStdin: toggled("read that user's password or token from stdin"),
} as const;

export const waitFlag = { wait: valued("ready means: services (default) or agent", "WHAT", parseWait) } as const;

export const forceFlag = { force: toggled("do it without asking") } as const;
export const forceAliases = { f: "force", y: "force" } as const;

export const coldFlag = { cold: toggled("boot, whatever template or save there is") } as const;

export const graceFlag = {
  grace: valued("time for the guest before power is cut (default 30s)", "TIME", parseGrace),
} as const;

function repeated(brief: string, placeholder: string) {
  return { kind: "parsed", parse: text, optional: true, variadic: true, brief, placeholder } as const;
}

export const envFlags = {
  env: repeated(
    "environment variable; K alone has its value here, and K=V is seen by other users in `ps`; repeatable",
    "K=V",
  ),
  envFile: repeated(
    "environment variables from a file, - for stdin: a line K=V, K, or # and a comment; repeatable",
    "FILE",
  ),
} as const;

export const ttyFlag = {
  tty: { kind: "boolean", optional: true, brief: "with or without a terminal (default: when there is one)" },
  noStdin: toggled("leave stdin alone: the command's ends at once, as for a loop that reads its own"),
} as const;

/** What decides what a VM is: `vm run` and `vm create` have the same. */
export const createFlags = {
  name: valued("name of the VM (default: one is picked)", "NAME", parseVmName),
  image: worded("image (default: debian-bookworm)", "IMAGE"),
  kernel: worded("kernel (default: debian-bookworm-cloud)", "KERNEL"),
  vcpu: valued("number of CPUs", "N", parseVcpu),
  memory: valued("memory, as in 2G or 512M", "SIZE", parseMemory),
  disk: valued("disk, as in 20G; takes no space until it is used", "SIZE", parseDisk),
  network: valued("user (default) or none", "KIND", parseNetwork),
  deny: {
    kind: "parsed",
    parse: text,
    optional: true,
    variadic: true,
    brief: "network that the guest must not reach, as in 10.0.0.0/8, or lan; repeatable",
    placeholder: "NETWORK",
  },
  idleTimeout: valued("suspend the VM after so long without use, as in 30m (default: never)", "TIME", parseIdle),
  ...envFlags,
  ...jsonFlag,
} as const;

/** What decides how a command in a VM runs: `vm exec` and `vm ssh` have the same. */
export const sessionFlags = {
  ...envFlags,
  cwd: worded("folder in the guest (default: the user's home)", "DIR"),
  user: worded("user in the guest (default: root)", "USER"),
  ...ttyFlag,
  ...jsonFlag,
} as const;
export const sessionAliases = { e: "env", n: "noStdin", t: "tty", u: "user" } as const;
