/**
 * The bench on hardware virtualization: on this host where it has KVM, else in the project's test host. Firecracker is measured where
 * BANGER_FIRECRACKER names its program.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { probeKvm } from "../../src/host/kvm/probe.ts";
import { cloneGolden } from "../../test/e2e/golden.ts";
import type { Home } from "../../test/e2e/home.ts";
import { guestIo } from "./guest-io.ts";
import { measureInTestHost } from "./host.ts";
import { type Part, parts } from "./parts.ts";
import { type DriverName, type Figures, inTurn } from "./vms.ts";

export type Asked = {
  /** an empty one, for a host that has KVM */
  home: Home;
  runs: number;
  /** name of the one part to measure */
  part: string | undefined;
};

/** One part with one driver. */
export type Measurement = { part: Part; driver: DriverName };

export async function nested({ home, runs, part }: Asked): Promise<Figures> {
  const firecracker = process.env["BANGER_FIRECRACKER"] ?? "";
  if (firecracker === "") console.log("Firecracker is left out: BANGER_FIRECRACKER does not name the program");
  const wanted = parts
    .filter(({ name }) => part === undefined || name === part)
    .flatMap((one) => one.drivers.map((driver): Measurement => ({ part: one, driver })))
    .filter(({ driver }) => driver === "qemu" || firecracker !== "");
  const { usable } = await probeKvm();
  return usable ? here(home, wanted, { runs, firecracker }) : measureInTestHost(wanted, { runs, firecracker });
}

async function here(
  home: Home,
  wanted: Measurement[],
  { runs, firecracker }: { runs: number; firecracker: string },
): Promise<Figures> {
  await cloneGolden(home);
  home.configure(`warm_vms = false\n${firecracker === "" ? "" : `firecracker_bin = ${JSON.stringify(firecracker)}\n`}`);
  const guestIoFile = join(home.folder, "guest-io");
  writeFileSync(guestIoFile, guestIo());
  return inTurn(wanted, ({ part, driver }) => part.measure({ home, driver, runs, flags: [], guestIo: guestIoFile }));
}
