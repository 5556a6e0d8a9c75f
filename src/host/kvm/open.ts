import * as fs from "node:fs";
import { withoutFileOverrides } from "../libc.ts";

/** Opens /dev/kvm with the rights of a confined VMM: root's has no capabilities. @throws the system's error */
export function openKvm(): number {
  return withoutFileOverrides(() => fs.openSync("/dev/kvm", fs.constants.O_RDWR));
}
