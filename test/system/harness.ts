/** Suites in a Debian with systemd (`make test-system`). */
import { afterAll, beforeAll, describe } from "bun:test";
import { gate } from "../../src/host/testing/gate.ts";
import { SystemHost } from "./host/host.ts";
import type { ProductImage } from "./host/product.ts";

/** A suite with a test host of its own; skipped as a whole, with the reason in its name, where it can't run. */
export function systemSuite(
  name: string,
  body: (host: () => SystemHost) => void,
  { image = "tiny" }: { image?: ProductImage } = {},
): void {
  const reason = gate("systemd");
  describe.skipIf(reason !== null)(reason === null ? name : `${name} [${reason}]`, () => {
    let made: SystemHost | null = null;
    beforeAll(async () => {
      made = await SystemHost.make(image);
    }, 600_000);
    afterAll(async () => made?.close(), 60_000);
    body(() => {
      if (made === null) throw new Error("the test host is not there yet");
      return made;
    });
  });
}
