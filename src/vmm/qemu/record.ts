/** The QEMU driver's record of a VM in the database. Another version may have written it, so check it after reading. */
import type { BootSpec, DriverRecord } from "../driver.ts";
import { shapeOf } from "../shape.ts";
import type { Accel } from "./accel.ts";
import type { GuestCpu } from "./cpu.ts";

export type QemuRecord = DriverRecord & {
  driver: "qemu";
  accel: Accel;
  /** the parts of the specification that `save` needs; absent in VMs started by a banger without saves */
  saving?: Saving;
};

export type Saving = {
  /** `shapeOf` its specification */
  shape: string;
  memoryBytes: number;
  /** file that the memory is mapped from, shared; null when it is anonymous or private */
  memoryFile: string | null;
  /** absent for VMs started by an earlier banger: `host` */
  cpu?: GuestCpu;
};

export function isQemuRecord(record: DriverRecord): record is QemuRecord {
  return record.driver === "qemu" && (record["accel"] === "tcg" || record["accel"] === "kvm");
}

/** @param isClone a restored VM's memory is private, whatever its specification says */
export function savingOf(spec: BootSpec, isClone: boolean, cpu: GuestCpu): Saving {
  const memoryFile = isClone ? null : (spec.memory?.path ?? null);
  return { shape: shapeOf(spec), memoryBytes: spec.memoryMib * 1024 * 1024, memoryFile, cpu };
}
