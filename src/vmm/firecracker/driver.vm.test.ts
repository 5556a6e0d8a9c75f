import { afterAll, beforeAll, describe } from "bun:test";
import { gate } from "../../host/testing/gate.ts";
import { driverContract } from "../driver.contract.ts";
import { endContract } from "../end.contract.ts";
import { saveContract } from "../save.contract.ts";
import { realSubject } from "../testing/real-subject.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";
import { createFirecrackerDriver } from "./driver.ts";

const reason = gate("firecracker");

describe.skipIf(reason !== null)(`on real VMs${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  let vms: TinyVms;
  beforeAll(async () => {
    const program = async () => process.env["BANGER_FIRECRACKER"] ?? null;
    vms = await tinyVms("fc", (host) => createFirecrackerDriver({ ...host, program, install: "" }));
  }, 300_000);
  afterAll(() => vms.remove());

  const subject = realSubject(() => vms, { hasNetDevice: false, canReset: false });
  driverContract("firecracker", subject);
  saveContract("firecracker", subject);
  endContract("firecracker", subject);
});
