/** What QEMU's driver keeps of a VM in the database; read back with suspicion, as another version may have written it. */
import type { BootSpec, DriverRecord } from "../driver.ts";
import { shapeOf } from "../shape.ts";
import type { Accel } from "./accel.ts";

export type QemuRecord = DriverRecord & {
  driver: "qemu";
  accel: Accel;
  /** what `save` must know of its specification; absent for a VM that was started before there were saves */
  saving?: Saving;
};

export type Saving = {
  /** `shapeOf` its specification */
  shape: string;
  memoryBytes: number;
  /** the file that it shares its memory with; null when its memory is its own */
  memoryFile: string | null;
};

export function isQemuRecord(record: DriverRecord): record is QemuRecord {
  return record.driver === "qemu" && (record["accel"] === "tcg" || record["accel"] === "kvm");
}

/** @param isClone a restored VM's memory is its own, whatever its specification says */
export function savingOf(spec: BootSpec, isClone: boolean): Saving {
  const memoryFile = isClone ? null : (spec.memory?.path ?? null);
  return { shape: shapeOf(spec), memoryBytes: spec.memoryMib * 1024 * 1024, memoryFile };
}
