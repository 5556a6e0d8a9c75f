/** What templates and warm VMs need beside the lower layers. */
import type { Digest } from "../../base/names.ts";
import type { SharedWork } from "../../base/shared-work.ts";
import type { TemplateRecord } from "../../model/save.ts";
import type { Save } from "../../vmm/driver.ts";
import type { ImagesDeps, ImagesState } from "../images/context.ts";
import type { TemplateFiles } from "./files.ts";
import type { WarmPool } from "./warm.ts";

/** In `ms`. */
export type TemplateTimings = {
  /** from a VM's start to making a warm one */
  warmAfterMs: number;
  /** from a VM's end to that */
  warmAfterEndMs: number;
  /** how long an unused warm VM is kept */
  warmMs: number;
};

export const templateTimings: TemplateTimings = {
  warmAfterMs: 3_000,
  warmAfterEndMs: 150,
  warmMs: 600_000,
};

/** Handed in by the composition root. */
export type TemplatesDeps = ImagesDeps & {
  timings: TemplateTimings;
  /** Makes the empty data disk of a new VM; one that is there is replaced. */
  createDisk(path: string, bytes: number): Promise<void>;
  /**
   * Puts a copy of a disk (or of a save's file) to `to`, in place of what is there, whole or not at all; holes stay holes, and
   * blocks are shared where the file system can.
   * @param bytes what it is at least long: a larger disk's guest grows its file system
   * @param onPlainCopy called where blocks can't be shared, with what has to be copied
   */
  copySparse(from: string, to: string, bytes: number, onPlainCopy?: (bytes: number) => void): Promise<void>;
  /** False for a save whose memory was written to since it was made; see vmm/save-files.ts. */
  isUntouched(save: Save): Promise<boolean>;
  /**
   * What a guest on KVM sees of the host's CPU now; asked for each template's key, as the kernel's modules can be loaded anew
   * @param nested it can run VMs of its own
   */
  hostCpu(nested: boolean): Promise<string>;
  /** whether a VM may be kept warm: it is wanted, and there is memory for it */
  mayKeepWarm(): Promise<boolean>;
  /** limit of all templates' size together, in bytes; 0: no templates */
  templateLimit(): Promise<number>;
  /** `required`: nothing starts whose cage has a gap */
  confinement(): Promise<"auto" | "required">;
};

/** Of this daemon, in memory. */
export type TemplatesState = ImagesState & {
  warm: WarmPool;
  templates: {
    /** by key: being made, or waited for */
    making: SharedWork<TemplateRecord>;
    /** made and in use, but not recorded yet */
    fresh: Map<Digest, TemplateRecord>;
    /** what could not be made, why, and until when that is not tried again but by `template warm`; Unix time in `ms` */
    broken: Map<Digest, { why: string; until: number }>;
    /** how often in a row one of that key could not be restored */
    failures: Map<Digest, number>;
    /**
     * those that were saved before their services were up: the first of a key is for the starts that wait for it, the second is
     * kept, as another would hardly be better
     */
    late: Map<Digest, { isPassing: boolean }>;
    files: TemplateFiles;
  };
  /** the drivers of whose gaps in the cage a user was warned */
  gaps: { notedFor: Set<string> };
};

export type TemplatesContext = TemplatesDeps & TemplatesState;
