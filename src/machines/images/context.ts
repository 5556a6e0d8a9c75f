/** What images and kernels need beside what is below them. */
import type { GuestDeps, GuestState } from "../guest/context.ts";
import type { MachineArtifacts } from "./artifacts-port.ts";

/** Handed in by the composition root. */
export type ImagesDeps = GuestDeps & {
  artifacts: MachineArtifacts;
};

/** Of this daemon, in memory. */
export type ImagesState = GuestState & {
  /** imports under way, and the removal that the next one waits for */
  importing: { count: number; removal: Promise<void> };
  /** Called when contents that nothing holds were dropped: what depends on them goes, too. */
  onContentsDropped(): Promise<void>;
};

export type ImagesContext = ImagesDeps & ImagesState;
