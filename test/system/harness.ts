/** Suites in a Debian with systemd (`make test-system`). */
import { afterAll, beforeAll, describe } from "bun:test";
import { gate } from "../../src/host/testing/gate.ts";
import { type HostOptions, SystemHost } from "./host/host.ts";

/** A suite with a test host of its own; skipped as a whole, with the reason in its name, where it can't run. */
export function systemSuite(
  name: string,
  body: (host: () => SystemHost) => void,
  options: HostOptions & { /** why it can't run here */ missing?: string } = {},
): void {
  const isLong = (options.isWhole || options.hasFirewalls) && process.env["BANGER_SYSTEM"] !== "all";
  const reason =
    gate("systemd") ?? options.missing ?? (isLong ? "only with BANGER_SYSTEM=all, as in `make test-system`" : null);
  describe.skipIf(reason !== null)(reason === null ? name : `${name} [${reason}]`, () => {
    let made: SystemHost | null = null;
    beforeAll(async () => {
      made = await SystemHost.make(options);
    }, 600_000);
    afterAll(async () => made?.close(), 60_000);
    body(() => {
      if (made === null) throw new Error("the test host is not there yet");
      return made;
    });
  });
}
