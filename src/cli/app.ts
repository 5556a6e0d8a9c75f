/** The tree of commands. What a command does is loaded when it is called: the program starts in a few milliseconds. */
import { buildApplication, buildCommand, buildRouteMap } from "@stricli/core";
import { toBangerError } from "../base/errors/error.ts";
import { createFlags, waitFlag } from "./commands/create-flags.ts";
import type { CliContext } from "./context.ts";
import { parseDepth, parseGrace } from "./flags.ts";
import { texts } from "./texts.ts";

const text = (value: string) => value;
const jsonFlag = { json: { kind: "boolean", optional: true, brief: "output, events and errors as JSON" } } as const;
const graceFlag = {
  grace: {
    kind: "parsed",
    parse: parseGrace,
    optional: true,
    brief: "time for the guest before power is cut (default 30s)",
    placeholder: "TIME",
  },
} as const;
const ttyFlag = {
  tty: { kind: "boolean", optional: true, brief: "with or without a terminal (default: when there is one)" },
} as const;
const envFlag = {
  env: {
    kind: "parsed",
    parse: text,
    optional: true,
    variadic: true,
    brief: "environment variable, K=V; repeatable",
    placeholder: "K=V",
  },
} as const;
const one = (placeholder: string, brief: string) =>
  ({ kind: "tuple", parameters: [{ parse: text, placeholder, brief }] }) as const;
const several = (placeholder: string, brief: string) =>
  ({ kind: "array", minimum: 1, parameter: { parse: text, placeholder, brief } }) as const;
const vmName = one("NAME", "name of a VM");
const vmNames = several("NAME", "names of VMs");

const run = buildCommand({
  loader: async () => (await import("./commands/run.run.ts")).run,
  parameters: {
    flags: {
      ...createFlags,
      ...waitFlag,
      rm: { kind: "boolean", optional: true, brief: "delete the VM when the session ends, whatever ends it" },
      detach: { kind: "boolean", optional: true, brief: "leave the VM running and return at once" },
      includeUntracked: { kind: "boolean", optional: true, brief: "send untracked files too; ignored ones never" },
      dryRun: { kind: "boolean", optional: true, brief: "print what would be sent, and create nothing" },
      branch: { kind: "parsed", parse: text, optional: true, brief: "new branch in the guest", placeholder: "NAME" },
      from: {
        kind: "parsed",
        parse: text,
        optional: true,
        brief: "send this commit's tree; uncommitted edits stay behind",
        placeholder: "REF",
      },
      depth: {
        kind: "parsed",
        parse: parseDepth,
        optional: true,
        brief: "commits of history to send (default: all)",
        placeholder: "N",
      },
      ...ttyFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: text, placeholder: "FOLDER", brief: "repository or folder that goes to /root/repo", optional: true },
      ],
    },
    aliases: { d: "detach", e: "env", t: "tty" },
  },
  docs: {
    brief: "a fresh VM: a shell in it, or a command behind --",
    customUsage: ["[flags] [FOLDER]", "[flags] [FOLDER] -- COMMAND [ARG]..."],
  },
});

const create = buildCommand({
  loader: async () => (await import("./commands/create.run.ts")).create,
  parameters: { flags: createFlags, aliases: { e: "env" } },
  docs: { brief: "make a VM without starting it" },
});

const lifecycle = () => import("./commands/lifecycle.run.ts");
const start = buildCommand({
  loader: async () => (await lifecycle()).start,
  parameters: { flags: { ...waitFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "start VMs" },
});
const stop = buildCommand({
  loader: async () => (await lifecycle()).stop,
  parameters: { flags: { ...graceFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "ask guests to power off; cut power after the grace period" },
});
const restart = buildCommand({
  loader: async () => (await lifecycle()).restart,
  parameters: { flags: { ...graceFlag, ...waitFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "stop VMs and start them again" },
});
const kill = buildCommand({
  loader: async () => (await lifecycle()).kill,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "cut power at once" },
});
const remove = buildCommand({
  loader: async () => (await lifecycle()).remove,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "delete VMs with their disks, running or not" },
});
const wait = buildCommand({
  loader: async () => (await lifecycle()).wait,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "wait until VMs have stopped" },
});
const rename = buildCommand({
  loader: async () => (await lifecycle()).rename,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [
        { parse: text, placeholder: "NAME", brief: "name of a VM" },
        { parse: text, placeholder: "NEW", brief: "its new name" },
      ],
    },
  },
  docs: { brief: "give a VM another name" },
});

const looking = () => import("./commands/list.run.ts");
const list = buildCommand({
  loader: async () => (await looking()).list,
  parameters: { flags: jsonFlag },
  docs: { brief: "every VM" },
});
const show = buildCommand({
  loader: async () => (await looking()).show,
  parameters: { flags: jsonFlag, positional: vmName },
  docs: { brief: "one VM in full" },
});

const sessionFlags = {
  ...envFlag,
  cwd: {
    kind: "parsed",
    parse: text,
    optional: true,
    brief: "folder in the guest (default: the user's home)",
    placeholder: "DIR",
  },
  user: {
    kind: "parsed",
    parse: text,
    optional: true,
    brief: "user in the guest (default: root)",
    placeholder: "USER",
  },
  ...ttyFlag,
  ...jsonFlag,
} as const;
const exec = buildCommand({
  loader: async () => (await import("./commands/exec.run.ts")).exec,
  parameters: { flags: sessionFlags, positional: vmName, aliases: { e: "env", t: "tty", u: "user" } },
  docs: { brief: "run a command in a VM", customUsage: ["[flags] NAME -- COMMAND [ARG]..."] },
});
const ssh = buildCommand({
  loader: async () => (await import("./commands/exec.run.ts")).ssh,
  parameters: { flags: sessionFlags, positional: vmName, aliases: { e: "env", t: "tty", u: "user" } },
  docs: { brief: "a shell in a VM", customUsage: ["[flags] NAME", "[flags] NAME -- COMMAND [ARG]..."] },
});
const logs = buildCommand({
  loader: async () => (await import("./commands/logs.run.ts")).logs,
  parameters: {
    flags: {
      follow: { kind: "boolean", optional: true, brief: "go on as it grows" },
      console: { kind: "boolean", optional: true, brief: "the guest's serial console (default)" },
      vmm: { kind: "boolean", optional: true, brief: "what the VMM said" },
    },
    positional: vmName,
    aliases: { f: "follow" },
  },
  docs: { brief: "a VM's console or VMM log" },
});

const artifacts = () => import("./commands/artifacts.run.ts");
const imageName = one("IMAGE", "name or digest of an image");
const kernelName = one("KERNEL", "name or digest of a kernel");

const image = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await artifacts()).listImages,
      parameters: { flags: jsonFlag },
      docs: { brief: "every image" },
    }),
    show: buildCommand({
      loader: async () => (await artifacts()).showImage,
      parameters: { flags: jsonFlag, positional: imageName },
      docs: { brief: "one image in full" },
    }),
    build: buildCommand({
      loader: async () => (await artifacts()).build,
      parameters: { flags: jsonFlag, positional: one("RECIPE", "debian-bookworm") },
      docs: { brief: "build an image on this host" },
    }),
    delete: buildCommand({
      loader: async () => (await artifacts()).deleteImages,
      parameters: { flags: jsonFlag, positional: several("IMAGE", "names of images") },
      docs: { brief: "delete images that no VM uses" },
    }),
  },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "what VMs boot from" },
});

const kernel = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await artifacts()).listKernels,
      parameters: { flags: jsonFlag },
      docs: { brief: "every kernel" },
    }),
    show: buildCommand({
      loader: async () => (await artifacts()).showKernel,
      parameters: { flags: jsonFlag, positional: kernelName },
      docs: { brief: "one kernel in full" },
    }),
    delete: buildCommand({
      loader: async () => (await artifacts()).deleteKernels,
      parameters: { flags: jsonFlag, positional: several("KERNEL", "names of kernels") },
      docs: { brief: "delete kernels that no VM uses" },
    }),
  },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "the kernels that VMs run" },
});

const daemon = buildRouteMap({
  routes: {
    status: buildCommand({
      loader: async () => (await import("./commands/daemon.run.ts")).status,
      parameters: { flags: jsonFlag },
      docs: { brief: "is it running, and where" },
    }),
    stop: buildCommand({
      loader: async () => (await import("./commands/daemon.run.ts")).stop,
      parameters: { flags: jsonFlag },
      docs: { brief: "stop it; VMs go on" },
    }),
  },
  docs: { brief: "the process that keeps your VMs" },
});

const doctor = buildCommand({
  loader: async () => (await import("./commands/doctor.run.ts")).doctor,
  parameters: { flags: jsonFlag },
  docs: { brief: "check this host: what works, what is missing, what to type" },
});

const vm = buildRouteMap({
  routes: { run, create, start, stop, restart, kill, delete: remove, rename, list, show, wait, ssh, exec, logs },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "virtual machines" },
});

export function buildApp(version: string) {
  const root = buildRouteMap({
    routes: { vm, image, kernel, daemon, doctor },
    docs: { brief: "disposable Linux virtual machines with your repository in them" },
  });
  return buildApplication<CliContext>(root, {
    name: "banger",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: false },
    documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
    localization: { loadText: () => texts },
    determineExitCode: (error) => toBangerError(error).exit,
  });
}
