/** Images and kernels as the store keeps them. */
import type { Digest, ImageName } from "../base/names.ts";

/** What a file system's root folder is like; owners are numbers. */
export type RootFacts = { mode: number; uid: number; gid: number };

/** One squashfs file; shared by every image that has the same layer. */
export type LayerRef = {
  /** sha256 of the layer's tar stream; of one that was completed or merged, over what it was made of */
  digest: Digest;
  /** bytes of the squashfs file */
  bytes: number;
  /** null: the layer does not say what the root is like */
  root: RootFacts | null;
  /** nothing of the layers below it shows through */
  hidesAll: boolean;
  /** sha256 of the squashfs file; absent: it was stored by a version that did not note it */
  fileDigest?: Digest;
};

/** Which init program the image brings; `none`: the agent stays PID 1. */
export type InitKind = "systemd" | "other" | "none";

/** Folders of a guest that live on its disk itself: container engines can't stack an overlay on an overlay. */
export const directFolders: readonly string[] = ["/var/lib/docker", "/var/lib/containerd", "/var/lib/containers"];

export type ImageRecord = {
  name: ImageName;
  /** over the layers' digests and `config`: two images with one digest are the same */
  digest: Digest;
  /** lowest first */
  layers: LayerRef[];
  /** what VMs of it boot when nothing else is said; null: the default kernel */
  kernel: ImageName | null;
  /** what `directFolders` begin with, when the image is a saved VM; null: with what the layers have there */
  direct: LayerRef | null;
  init: InitKind;
  /** it has a shell to log in with */
  shell: boolean;
  /** where it came from: `recipe debian-bookworm` */
  source: string;
  config: ImageConfig;
  /** Unix time in `ms` */
  createdAt: number;
};

/** An image as the API shows it. */
export type ImageView = ImageRecord & {
  /** bytes on disk that go with it */
  ownBytes: number;
  /** bytes of layers that other images have too */
  sharedBytes: number;
  /** names of VMs that boot from it */
  usedBy: string[];
  problem: ContentProblem | null;
};

/** Why an image or a kernel can't be used: its files are missing or damaged. */
export type ContentProblem = { message: string /** what to type */; hint: string };

/** A kernel as the API shows it. */
export type KernelView = KernelRecord & { problem: ContentProblem | null };

/** What a prune removed, or would. */
export type Pruned = {
  images: { name: ImageName; digest: Digest }[];
  /** bytes of layers that went with them */
  bytes: number;
  /** booted VMs that new ones begin from; made anew when they are needed */
  templates: { count: number; bytes: number };
  /** of interrupted downloads, and files that are made anew when they are needed */
  leftovers: { files: number; bytes: number };
};

/** What a container image says about running it; all optional there, all present here. */
export type ImageConfig = {
  env: Record<string, string>;
  entrypoint: string[];
  cmd: string[];
  /** empty: the user's home, as in images that come from no container's */
  workdir: string;
  /** name or number, `:group` perhaps; empty: root */
  user: string;
};

/** What a new image says otherwise than the one it is made from; see `changedConfig`. */
export type ConfigChange = Partial<ImageConfig>;

export type KernelRecord = {
  name: ImageName;
  /** over vmlinux, the modules' squashfs and the boot modules */
  digest: Digest;
  /** `uname -r` */
  release: string;
  /** bytes of everything it holds on disk */
  bytes: number;
  source: string;
  createdAt: number;
};
