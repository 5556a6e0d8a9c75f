/** The record of a VM's saved memory and devices. */

/** A driver's record of a saved VM; only its size on disk is known here. */
export type SavedState = {
  driver: string;
  version: string;
  memoryBytes: number;
  stateBytes: number;
  [extra: string]: unknown;
};
