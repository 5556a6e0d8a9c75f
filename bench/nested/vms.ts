/** The VMs of the bench on hardware virtualization. */
import { readFileSync } from "node:fs";
import type { Home } from "../../test/e2e/home.ts";
import type { Breakdown } from "../from-template.ts";
import type { Row } from "../stats.ts";

export type DriverName = "qemu" | "firecracker";
export const shownNames: Record<DriverName, string> = { qemu: "QEMU", firecracker: "Firecracker" };

/** What one part is told. */
export type Bench = {
  /** it has an image and a kernel, and no VMs */
  home: Home;
  driver: DriverName;
  runs: number;
  /** of each VM, without the driver's */
  flags: string[];
  /** path of `guest-io`, compiled */
  guestIo: string;
};

export type Figures = { rows: Row[]; breakdowns: Breakdown[] };

/** Measures one after the other. */
export async function inTurn<T>(wanted: readonly T[], measure: (one: T) => Promise<Figures>): Promise<Figures> {
  const all: Figures = { rows: [], breakdowns: [] };
  for (const one of wanted) {
    const { rows, breakdowns } = await measure(one);
    all.rows.push(...rows);
    all.breakdowns.push(...breakdowns);
  }
  return all;
}

export function vmFlags({ flags }: Bench, driver: DriverName): string[] {
  return [...flags, "--vmm", driver];
}

/** Runs `work` beside a VM that is named `bench`. @param how more flags of that VM */
export async function besideVm<T>(bench: Bench, how: string[], work: () => Promise<T>): Promise<T> {
  await bench.home.ok(["vm", "run", "--name", "bench", "--detach", ...vmFlags(bench, bench.driver), ...how]);
  try {
    return await work();
  } finally {
    await bench.home.ok(["vm", "delete", "bench"]);
  }
}

/** Its path in the guest. */
export const guestIoPath = "/tmp/guest-io";

export async function installGuestIo({ home, guestIo }: Bench, vm: string): Promise<void> {
  const input = new Uint8Array(readFileSync(guestIo));
  const script = `cat > ${guestIoPath} && chmod 755 ${guestIoPath}`;
  await home.ok(["vm", "exec", vm, "--", "sh", "-c", script], { input });
}
