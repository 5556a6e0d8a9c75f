/** The contract of VMM drivers, on hardware virtualization: the driver's own suite, run inside a test host. */
import { expect, test } from "bun:test";
import { nestedSuite } from "./harness.ts";
import { sourcePoint, testCache } from "./host/store.ts";

/** Nearly each of its tests boots a VM, and everything is emulated. */
const limitMs = 40 * 60_000;

nestedSuite(
  "contract",
  ({ host, driver }) => {
    test(
      "the driver's own suite passes",
      async () => {
        const program = driver === "firecracker" ? { BANGER_FIRECRACKER: "/usr/local/bin/firecracker" } : {};
        const env = { BANGER_TEST_CACHE: testCache, BANGER_REQUIRE: "vm", ...program };
        const argv = ["node_modules/.bin/bun", "test", "--timeout=600000", `./src/vmm/${driver}/driver.vm.test.ts`];
        const { code, stderr } = await host().run(argv, { cwd: sourcePoint, env, timeoutMs: limitMs - 10_000 });
        if (code !== 0) console.log(stderr);
        expect([code, stderr]).toEqual([0, expect.stringMatching(/^ *[1-9]\d pass$/m)]);
        expect(stderr).toMatch(/^ *0 fail$/m);
      },
      limitMs,
    );
  },
  { part: "whole", content: "sources" },
);
