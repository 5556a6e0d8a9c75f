/** The host's boots: pids and start times are a boot's own, and the next boot gives them to other processes. */
import { readFileSync } from "node:fs";
import type { ProcessRef } from "../../base/process.ts";

let known: string | null = null;

/** The kernel's random id of this boot (random(4)); empty where `/proc` does not have it. Read once. */
export function bootOfHost(): string {
  known ??= readBoot();
  return known;
}

/** Whether the host has restarted since the process was noted: it is gone, and whatever has its pid now is another one. */
export function isOfEarlierBoot({ boot = "" }: ProcessRef): boolean {
  return boot !== "" && bootOfHost() !== "" && boot !== bootOfHost();
}

function readBoot(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}
