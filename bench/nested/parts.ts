/** The parts of the bench on hardware virtualization, each with the drivers that it is about. */
import { bulk } from "./bulk.ts";
import { memory } from "./memory.ts";
import { cold, restored } from "./starts.ts";
import type { Bench, DriverName, Figures } from "./vms.ts";

export type Part = { name: string; drivers: DriverName[]; measure(bench: Bench): Promise<Figures> };

const both: DriverName[] = ["qemu", "firecracker"];

export const parts: Part[] = [
  { name: "restored", drivers: both, measure: restored },
  { name: "cold", drivers: both, measure: cold },
  { name: "memory", drivers: both, measure: memory },
  { name: "bulk", drivers: ["firecracker"], measure: bulk },
];
