/** The size that a VMM's files may reach. */
import { sizeOf } from "../host/files/files.ts";
import type { BootSpec } from "./driver.ts";

/** Bytes. The largest file that a VMM writes is its own disk; the minimum leaves room for logs. */
export async function fileLimitOf(spec: BootSpec): Promise<number> {
  const disks = await Promise.all(spec.blockDevices.filter((d) => !d.readOnly).map((d) => sizeOf(d.path)));
  return Math.max(64 * 1024 * 1024, ...disks);
}
