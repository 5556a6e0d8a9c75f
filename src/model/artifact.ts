/** Records of images and kernels, in the store and the API. */
import type { Digest, ImageName } from "../base/names.ts";

/** Owner and mode of a file system's root folder; uid and gid are numbers. */
export type RootFacts = { mode: number; uid: number; gid: number };

/** One squashfs file; shared by every image that has the same layer. */
export type LayerRef = {
  /** sha256 of the layer's tar stream; for a completed or merged layer, over the digests of what it was made of */
  digest: Digest;
  /** bytes of the squashfs file */
  bytes: number;
  /** null: the layer has no entry for its root folder */
  root: RootFacts | null;
  /** nothing of the layers below is visible through it */
  hidesAll: boolean;
  /** sha256 of the squashfs file; absent if an older version stored it */
  fileDigest?: Digest;
};

/** Which init program the image has; `none`: the agent stays PID 1. */
export type InitKind = "systemd" | "other" | "none";

/** Folders of a guest that are directly on its disk: container engines can't stack an overlay on an overlay. */
export const directFolders: readonly string[] = ["/var/lib/docker", "/var/lib/containerd", "/var/lib/containers"];

export type ImageRecord = {
  name: ImageName;
  /** over the layers' digests and `config`: images with the same digest are the same */
  digest: Digest;
  /** lowest first */
  layers: LayerRef[];
  /** what its VMs boot unless a kernel is named; null: the default kernel */
  kernel: ImageName | null;
  /** the initial content of `directFolders`, if the image is a saved VM; null: what the layers have there */
  direct: LayerRef | null;
  init: InitKind;
  /** it has a shell that users can log in with */
  shell: boolean;
  /** where it came from: `recipe debian-bookworm` */
  source: string;
  config: ImageConfig;
  /** Unix time in `ms` */
  createdAt: number;
};

/** The trees of an image: its root, and the folders that VMs have on their disk instead of in the overlay. */
export const imageParts = ["rootfs", "direct"] as const;
export type ImagePart = (typeof imageParts)[number];

/** An image in the API. */
export type ImageView = ImageRecord & {
  /** bytes on disk that deleting it would free */
  ownBytes: number;
  /** bytes of layers that other images have too */
  sharedBytes: number;
  /** names of the VMs that boot from it */
  usedBy: string[];
  problem: ContentProblem | null;
};

/** Why an image or a kernel can't be used: its files are missing or damaged. */
export type ContentProblem = { message: string /** what to type */; hint: string };

/** A kernel in the API. */
export type KernelView = KernelRecord & { problem: ContentProblem | null };

/** What a prune removed, or would remove. */
export type Pruned = {
  images: { name: ImageName; digest: Digest }[];
  /** bytes of layers that were removed with them */
  bytes: number;
  /** templates that new VMs start from; made again when they are needed */
  templates: { count: number; bytes: number };
  /** of interrupted downloads, and of files that are made again when they are needed */
  leftovers: { files: number; bytes: number };
};

/** A container image's run configuration; every field is optional there and present here. */
export type ImageConfig = {
  env: Record<string, string>;
  entrypoint: string[];
  cmd: string[];
  /** empty: the user's home, as in images that were not made from a container image */
  workdir: string;
  /** name or number, possibly with `:group`; empty: root */
  user: string;
};

/** How a new image's configuration differs from the one that it is made from; see `changedConfig`. */
export type ConfigChange = Partial<ImageConfig>;

export type KernelRecord = {
  name: ImageName;
  /** over vmlinux, the modules' squashfs and the boot modules */
  digest: Digest;
  /** `uname -r` */
  release: string;
  /** bytes of all its files on disk */
  bytes: number;
  source: string;
  createdAt: number;
};
