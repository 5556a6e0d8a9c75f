/** The Firecracker driver's record of a VM in the database. Another version may have written it, so check it after reading. */
import type { BootSpec, DriverRecord } from "../driver.ts";
import { shapeOf } from "../shape.ts";

export type FirecrackerRecord = DriverRecord & {
  driver: "firecracker";
  /** the parts of the specification that a running VM needs */
  saving: Saving;
};

export type Saving = {
  /** `shapeOf` its specification */
  shape: string;
  memoryBytes: number;
  /** its memory is a private mapping of a save's file, of which mincore(2) says nothing useful */
  isClone: boolean;
  /** `contentStamp` of that file, from which Firecracker counts dirty pages; missing: it counts none */
  loaded?: string;
  /** names of its disks, in the order of Firecracker's drives */
  disks: string[];
};

export function isFirecrackerRecord(record: DriverRecord): record is FirecrackerRecord {
  const saving = record["saving"] as Partial<Saving> | undefined;
  return record.driver === "firecracker" && typeof saving?.shape === "string" && Array.isArray(saving.disks);
}

export function savingOf(spec: BootSpec, loaded: string | null): Saving {
  const disks = spec.blockDevices.map(({ name }) => name);
  const saving = { shape: shapeOf(spec), memoryBytes: spec.memoryMib * 1024 * 1024, isClone: loaded !== null, disks };
  return loaded === null ? saving : { ...saving, loaded };
}
