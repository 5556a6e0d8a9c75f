/** What is kept of a VM's memory and devices when they are saved. */

/** A driver's record of a saved VM, opaque here but for what it takes on disk. */
export type SavedState = {
  driver: string;
  version: string;
  memoryBytes: number;
  stateBytes: number;
  [extra: string]: unknown;
};
