/** `banger image …` */
import { parseImageName } from "../../base/names.ts";
import { command, group } from "../command.ts";
import {
  bundleArguments,
  bundleFlags,
  catalogWord,
  jsonFlag,
  loginFlags,
  positionals,
  required,
  requiredText,
  several,
  switched,
  text,
  valued,
  verifyFlag,
} from "../parameters.ts";

const existing = required("IMAGE", "name or digest of an image");

const list = command({
  loader: async () => (await import("./image/list.run.ts")).list,
  parameters: { flags: jsonFlag },
  docs: { brief: "list images" },
});

const show = command({
  loader: async () => (await import("./image/show.run.ts")).show,
  parameters: { flags: { ...verifyFlag, ...jsonFlag }, positional: positionals(existing) },
  docs: { brief: "show an image in detail" },
});

const catalog = command({
  loader: async () => (await import("./image/catalog.run.ts")).catalog,
  parameters: { flags: jsonFlag, positional: catalogWord },
  docs: { brief: "list images that have a short name in a catalog" },
});

const pull = command({
  loader: async () => (await import("./image/pull.run.ts")).pull,
  parameters: {
    flags: { ...loginFlags, insecure: switched("allow plain HTTP"), ...jsonFlag },
    positional: positionals(
      required("IMAGE", "name in a catalog or at a registry, such as docker.io/library/python:3.13"),
    ),
  },
  docs: {
    brief: "pull an image from a registry or a catalog",
    examples: [["banger image pull docker.io/library/python:3.13", "from a registry"]],
  },
});

const importArchive = command({
  loader: async () => (await import("./image/import.run.ts")).importArchive,
  parameters: {
    flags: {
      image: text("which of its images: a name, a tag, or the first digits of a digest", "NAME|DIGEST"),
      name: valued("name of the imported image", "NAME", parseImageName),
      ...jsonFlag,
    },
    positional: positionals(
      required(
        "FILE",
        "output of `docker save`, or an OCI layout (tar or folder); FILE:TAG for one of its images; - for stdin",
      ),
    ),
  },
  docs: {
    brief: "import images from a docker or OCI archive",
    examples: [["docker save app:latest | banger image import -", "an image that docker built"]],
  },
});

const register = command({
  loader: async () => (await import("./image/register.run.ts")).register,
  parameters: {
    flags: {
      rootfs: requiredText(
        "root file system: a tar (.gz, .zst, .xz), a folder, a squashfs or an ext4; - for a tar on stdin",
        "PATH",
      ),
      kernel: text("kernel for VMs of this image (default: debian-bookworm-cloud)", "KERNEL"),
      ...jsonFlag,
    },
    positional: positionals(required("NAME", "name of the new image", parseImageName)),
  },
  docs: {
    brief: "make an image of a root file system",
    examples: [["banger image register --rootfs rootfs.tar.zst mine", "from a tar"]],
  },
});

const build = command({
  loader: async () => (await import("./image/build.run.ts")).build,
  parameters: {
    flags: jsonFlag,
    positional: positionals(required("RECIPE|FILE.toml", "debian-bookworm, or an image file")),
  },
  docs: {
    brief: "build an image from a recipe or an image file",
    examples: [
      ["banger image build debian-bookworm", "Debian, built on this host"],
      ["banger image build dev.toml", "an image that a TOML file describes"],
    ],
  },
});

const tag = command({
  loader: async () => (await import("./image/tag.run.ts")).tag,
  parameters: {
    flags: jsonFlag,
    positional: positionals(existing, required("NAME", "additional name", parseImageName)),
  },
  docs: { brief: "give an image an additional name" },
});

const exportImage = command({
  loader: async () => (await import("./image/export.run.ts")).exportImage,
  parameters: { flags: jsonFlag, positional: positionals(existing, required("FILE", "file to write; - for stdout")) },
  docs: {
    brief: "write an image to an archive that docker, podman and skopeo read",
    examples: [["banger image export mine - | docker load", "hand an image to docker"]],
  },
});

const bundle = command({
  loader: async () => (await import("./image/bundle.run.ts")).bundle,
  parameters: { flags: bundleFlags, positional: bundleArguments("IMAGE", "name or digest of an image") },
  docs: { brief: "write an image as a bundle for a catalog, and print its entry" },
});

const remove = command({
  loader: async () => (await import("./image/delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("IMAGE", "names of images") },
  docs: { brief: "delete images that no VM uses" },
});

const prune = command({
  loader: async () => (await import("./image/prune.run.ts")).prune,
  parameters: {
    flags: {
      all: switched("also remove images that no VM uses, and templates"),
      dryRun: switched("print what would be removed, and remove nothing"),
      ...jsonFlag,
    },
  },
  docs: { brief: "remove interrupted downloads; with --all also unused images and templates" },
});

export const image = group(
  { brief: "build, pull, import and manage images" },
  {
    list,
    show,
    catalog,
    pull,
    import: importArchive,
    register,
    build,
    tag,
    export: exportImage,
    bundle,
    delete: remove,
    prune,
  },
  { ls: "list", rm: "delete", inspect: "show", search: "catalog" },
);
