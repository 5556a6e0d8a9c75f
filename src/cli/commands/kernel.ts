/** `banger kernel …` */
import { parseImageName } from "../../base/names.ts";
import { command, group } from "../command.ts";
import {
  bundleArguments,
  bundleFlags,
  catalogWord,
  jsonFlag,
  positionals,
  required,
  requiredText,
  several,
  text,
  verifyFlag,
} from "../parameters.ts";

const list = command({
  loader: async () => (await import("./kernel/list.run.ts")).list,
  parameters: { flags: jsonFlag },
  docs: { brief: "list kernels" },
});

const show = command({
  loader: async () => (await import("./kernel/show.run.ts")).show,
  parameters: {
    flags: { ...verifyFlag, ...jsonFlag },
    positional: positionals(required("KERNEL", "name or digest of a kernel")),
  },
  docs: { brief: "show a kernel in detail" },
});

const catalog = command({
  loader: async () => (await import("./kernel/catalog.run.ts")).catalog,
  parameters: { flags: jsonFlag, positional: catalogWord },
  docs: { brief: "list kernels that have a short name in a catalog" },
});

const pull = command({
  loader: async () => (await import("./kernel/pull.run.ts")).pull,
  parameters: {
    flags: jsonFlag,
    positional: positionals(
      required("KERNEL", "name in a catalog, or debian-SUITE-cloud, such as debian-bookworm-cloud"),
    ),
  },
  docs: { brief: "pull a kernel from a catalog or from Debian" },
});

const importKernel = command({
  loader: async () => (await import("./kernel/import.run.ts")).importKernel,
  parameters: {
    flags: {
      image: requiredText("bzImage or vmlinux", "FILE"),
      modules: text("folder lib/modules/RELEASE (default: everything is built in)", "DIR"),
      config: text("the kernel's .config, if the kernel does not contain it", "FILE"),
      ...jsonFlag,
    },
    positional: positionals(required("NAME", "name of the kernel", parseImageName)),
  },
  docs: {
    brief: "import a kernel of your own",
    examples: [["banger kernel import --image arch/x86/boot/bzImage mine", "a kernel without modules"]],
  },
});

const bundle = command({
  loader: async () => (await import("./kernel/bundle.run.ts")).bundle,
  parameters: { flags: bundleFlags, positional: bundleArguments("KERNEL", "name or digest of a kernel") },
  docs: { brief: "write a kernel as a bundle for a catalog, and print its entry" },
});

const remove = command({
  loader: async () => (await import("./kernel/delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("KERNEL", "names of kernels") },
  docs: { brief: "delete kernels that no VM uses" },
});

export const kernel = group(
  { brief: "pull, import and manage kernels" },
  { list, show, catalog, pull, import: importKernel, bundle, delete: remove },
  { ls: "list", rm: "delete", inspect: "show", search: "catalog" },
);
