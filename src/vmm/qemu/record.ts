/** What QEMU's driver keeps of a VM in the database; read back with suspicion, as a later version may have written it. */
import type { DriverRecord } from "../driver.ts";

export type QemuRecord = DriverRecord & { driver: "qemu"; accel: string };

export function isQemuRecord(record: DriverRecord): record is QemuRecord {
  return record.driver === "qemu" && typeof record["accel"] === "string";
}
