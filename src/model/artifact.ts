/** Images and kernels as the store keeps them. */
import type { Digest, ImageName } from "../base/names.ts";

/** One squashfs file; shared by every image that has the same layer. */
export type LayerRef = { digest: Digest /** bytes of the squashfs file */; bytes: number };

/** Which init program the image brings; `none`: the agent stays PID 1. */
export type InitKind = "systemd" | "other" | "none";

export type ImageRecord = {
  name: ImageName;
  /** over the layers' digests and `config`: two images with one digest are the same */
  digest: Digest;
  /** lowest first */
  layers: LayerRef[];
  init: InitKind;
  /** where it came from: `recipe debian-bookworm` */
  source: string;
  config: ImageConfig;
  /** Unix time in `ms` */
  createdAt: number;
};

/** What a container image says about running it; all optional there, all present here. */
export type ImageConfig = {
  env: Record<string, string>;
  entrypoint: string[];
  cmd: string[];
  /** empty: the user's home */
  workdir: string;
  /** empty: root */
  user: string;
};

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
