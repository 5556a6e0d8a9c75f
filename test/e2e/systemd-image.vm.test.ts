/** An image with its own init, from a registry: the golden image itself, exported, pushed and pulled under another name. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gate } from "../../src/host/testing/gate.ts";
import { pushLayout } from "../../src/images/testing/push.ts";
import { startRegistry, type TestRegistry } from "../../src/images/testing/registry.ts";
import { vmSuite } from "./harness.ts";

const reason = gate("registry");

vmSuite("systemd image", (home) => {
  let registry: TestRegistry | null = null;
  beforeAll(async () => {
    if (reason === null) registry = await startRegistry(join(home().folder, "registry"));
  }, 60_000);
  afterAll(async () => registry?.stop());

  test.skipIf(reason !== null)(
    reason === null ? "it boots, and its services come up" : `it boots [${reason}]`,
    async () => {
      const layout = join(home().folder, "layout");
      mkdirSync(layout);
      await home().ok(["image", "export", "debian-bookworm", join(home().folder, "image.tar")]);
      expect(Bun.spawnSync(["tar", "-xf", "../image.tar"], { cwd: layout }).exitCode).toBe(0);
      const { host } = registry as TestRegistry;
      await pushLayout(layout, { url: `http://${host}`, repository: "team/debian", tag: "systemd" });
      rmSync(layout, { recursive: true });
      const image = `${host}/team/debian:systemd`;
      await home().ok(["image", "pull", image], { timeoutMs: 300_000 });
      expect(await home().json<object>(["image", "show", image])).toMatchObject({ init: "systemd", shell: true });
      const script = "cat /proc/1/comm; systemctl is-system-running --wait; id -un; systemctl is-active docker.socket";
      const run = ["vm", "run", "--rm", "--image", image, "--", "sh", "-c", script];
      expect((await home().banger(run, { timeoutMs: 300_000 })).stdout).toBe("systemd\nrunning\nroot\nactive\n");
    },
    600_000,
  );
});
