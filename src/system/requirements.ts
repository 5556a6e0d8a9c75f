/** What a host must have for system mode, and who may change it. Pure. */
import { fail } from "../base/errors/error.ts";
import type { SystemWorld } from "./world.ts";

/** @throws SYSTEM_UNSUPPORTED */
export function requireSupport({ arch, hasSystemd }: Pick<SystemWorld, "arch" | "hasSystemd">): void {
  if (arch !== "x64") throw fail("SYSTEM_UNSUPPORTED", { reason: `the processor is ${arch}` });
  if (!hasSystemd) throw fail("SYSTEM_UNSUPPORTED", { reason: "systemd is not running" });
}

/**
 * @param what as a noun, such as `installing the service` @param command without `sudo banger`
 * @throws SYSTEM_NEEDS_ROOT
 */
export function requireRoot({ uid }: Pick<SystemWorld, "uid">, what: string, command: string): void {
  if (uid !== 0) throw fail("SYSTEM_NEEDS_ROOT", { what, command: `sudo banger ${command}` });
}
