/** What end-to-end tests stand on: suites that have real VMs, or say why not. */
import { afterAll, beforeAll, describe } from "bun:test";
import { gate } from "../../src/host/testing/gate.ts";
import { cloneGolden } from "./golden.ts";
import { Home } from "./home.ts";

/**
 * A suite of tests with real VMs in one home that has the default image and kernel already. Skipped as a whole, with the
 * reason in its name, where VMs can't run; under BANGER_REQUIRE=vm that is a failure.
 */
export function vmSuite(name: string, body: (home: () => Home) => void): void {
  const reason = gate("vm");
  describe.skipIf(reason !== null)(reason === null ? name : `${name} [${reason}]`, () => {
    let home: Home | null = null;
    beforeAll(async () => {
      home = new Home(name);
      await cloneGolden(home);
    }, 900_000);
    afterAll(async () => home?.close(), 60_000);
    body(() => {
      if (!home) throw new Error("the suite's home is not there yet");
      return home;
    });
  });
}
