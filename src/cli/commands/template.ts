/** `banger template …` */
import { command, group } from "../command.ts";
import { createFlags, jsonFlag, optional, positionals, required, several } from "../parameters.ts";

const { kernel, vcpu, memory, disk, network, vmm, nested } = createFlags;

const list = command({
  loader: async () => (await import("./template/list.run.ts")).list,
  parameters: { flags: jsonFlag },
  docs: { brief: "list templates" },
});

const show = command({
  loader: async () => (await import("./template/show.run.ts")).show,
  parameters: {
    flags: jsonFlag,
    positional: positionals(required("KEY", "key of a template, or its first digits")),
  },
  docs: { brief: "show a template in detail" },
});

const warm = command({
  loader: async () => (await import("./template/warm.run.ts")).warm,
  parameters: {
    flags: { kernel, vcpu, memory, disk, network, vmm, nested, ...jsonFlag },
    positional: positionals(optional("IMAGE", "image (default: debian-bookworm)")),
  },
  docs: {
    brief: "make a template ahead of time",
    description: "make the template that VMs of this kind start from, before the first one is created",
  },
});

const remove = command({
  loader: async () => (await import("./template/delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("KEY", "keys of templates, or their first digits") },
  docs: { brief: "delete templates; VMs that started from them keep running" },
});

export const template = group(
  { brief: "manage the booted VMs that new VMs are restored from" },
  { list, show, warm, delete: remove },
  { ls: "list", rm: "delete", inspect: "show" },
);
