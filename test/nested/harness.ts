/**
 * Suites in test hosts. Each runs for each driver: QEMU always; Firecracker where BANGER_FIRECRACKER names its program, which is
 * not a package, so that nothing requires it. Without BANGER_NESTED=all only the essential suites and tests run.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { gate } from "../../src/host/testing/gate.ts";
import { TestHost } from "./host/host.ts";
import type { StoreContent } from "./host/store.ts";

export type DriverName = "qemu" | "firecracker";

export type Nested = {
  host(): TestHost;
  driver: DriverName;
  /** flags of a VM that runs on this driver */
  onDriver: string[];
  /** flags of a VM that the host has room for, and that boots in seconds where everything is emulated */
  small: string[];
};

const firecracker = process.env["BANGER_FIRECRACKER"] ?? "";
const runsAll = process.env["BANGER_NESTED"] === "all";
const notAll = "only with BANGER_NESTED=all, as in `make test-nested`";

type Part = "essential" | "whole";
type Body = (nested: Nested) => void;
export type SuiteOptions = {
  part?: Part;
  /** what is in the host beside the product */
  content?: StoreContent;
};

/** A suite with a test host of its own, for each driver; skipped as a whole, with the reason in its name, where it can't run. */
export function nestedSuite(name: string, body: Body, options: SuiteOptions = {}): void {
  suiteFor("qemu", name, body, options);
  suiteFor("firecracker", name, body, { ...options, part: "whole" });
}

/** The same for what only QEMU is asked. */
export function qemuSuite(name: string, body: Body, options: SuiteOptions = {}): void {
  suiteFor("qemu", name, body, options);
}

/** A test that takes longer than continuous integration has time. */
export function longTest(name: string, body: () => Promise<void>): void {
  if (runsAll) test(name, body);
  else test.skip(`${name} (skipped: ${notAll})`, body);
}

function suiteFor(
  driver: DriverName,
  name: string,
  body: Body,
  { part = "essential", content = "product" }: SuiteOptions,
): void {
  const label = `${name} on ${driver === "qemu" ? "QEMU with KVM" : "Firecracker"}`;
  const reason = reasonAgainst(driver, part);
  describe.skipIf(reason !== null)(reason === null ? label : `${label} [${reason}]`, () => {
    let made: TestHost | null = null;
    const host = () => {
      if (made === null) throw new Error("the test host is not there yet");
      return made;
    };
    beforeAll(async () => {
      made = await TestHost.make(content);
      if (driver === "firecracker") await made.install("firecracker", firecracker);
    }, 600_000);
    afterAll(async () => made?.close(), 60_000);
    const onDriver = flagsOf(driver);
    body({ host, driver, onDriver, small: ["--image", "tiny", "--memory", "256M", "--vcpu", "1", ...onDriver] });
  });
}

function reasonAgainst(driver: DriverName, part: Part): string | null {
  const missing = gate("nested");
  if (missing !== null) return missing;
  if (driver === "firecracker" && firecracker === "") return "BANGER_FIRECRACKER does not name the program";
  return part === "whole" && !runsAll ? notAll : null;
}

/** A host that has no Firecracker has QEMU as its only driver. */
function flagsOf(driver: DriverName): string[] {
  return driver === "qemu" ? [] : ["--vmm", driver];
}
