/**
 * What a saved VM depends on in the host. An emulated guest reads the host's TSC, and its kernel keeps time by the frequency of
 * the host it booted on; under KVM the guest uses the host's CPU model.
 */
import { fail } from "../../base/errors/error.ts";
import { readStart } from "../../host/files/files.ts";
import type { SaveRecord } from "../driver.ts";
import { saverName } from "../save-files.ts";
import type { Accel } from "./accel.ts";

/** Stored in the save's record. */
export type HostFacts = {
  /** under TCG; null when it can't be measured */
  tscKhz?: number | null;
  /** under KVM */
  cpu?: string;
};

export async function hostFactsOf(accel: Accel, tscKhz: number | null): Promise<HostFacts> {
  return accel === "tcg"
    ? { tscKhz }
    : { cpu: cpuName(new TextDecoder().decode(await readStart("/proc/cpuinfo", 8192))) };
}

/** Model and stepping of the first CPU of `/proc/cpuinfo`. */
export function cpuName(cpuinfo: string): string {
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, "m").exec(cpuinfo)?.[1] ?? "?";
  return `${field("model name")} (${field("cpu family")}/${field("model")}/${field("stepping")})`;
}

/** A fraction. Two measurements of one clock differ by less; a guest's clock is wrong by at most this much. */
const sameClock = 0.002;

/** @throws SAVE_VERSION when a VM saved on one host can't run on the other */
export function checkHost(record: SaveRecord, here: HostFacts): void {
  const [then, now] = [record["tscKhz"], here.tscKhz];
  const areClocks = typeof then === "number" && typeof now === "number";
  const isSame = areClocks ? Math.abs(then - now) <= then * sameClock : record["cpu"] === here.cpu;
  if (isSame) return;
  const name = saverName(record);
  const [saved, present] = areClocks ? [inMhz(then), inMhz(now)] : [String(record["cpu"]), String(here.cpu)];
  throw fail("SAVE_VERSION", { saved: `${name} on ${saved}`, present: `${name} on ${present}` });
}

function inMhz(khz: number): string {
  return `a host of ${Math.round(khz / 1000)} MHz`;
}
