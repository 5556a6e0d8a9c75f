/** Root is a user like any other: its own daemon, its own VM, also confined. Needs VMs too. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, lstatSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { gate } from "../../src/host/testing/gate.ts";
import { cloneGolden, linkCache } from "./golden.ts";
import { Home } from "./home.ts";
import { until } from "./processes.ts";
import { makeRepository } from "./repo.ts";

const reason = gate("root") ?? gate("vm");

describe.skipIf(reason !== null)(`as root${reason === null ? "" : ` [${reason}]`}`, () => {
  let home: Home;
  beforeAll(async () => {
    home = new Home("root");
    await cloneGolden(home);
  }, 900_000);
  afterAll(async () => home?.close(), 60_000);

  test("the main job: a repository is copied into a VM, a command runs there, its status is returned", async () => {
    const repo = makeRepository(join(home.folder, "repo"), { Makefile: "test:\n\t@echo tested; exit 2\n" });
    const done = await home.banger(["vm", "run", "--rm", repo, "--", "make", "test"], { timeoutMs: 240_000 });
    expect([done.code, done.stdout]).toEqual([2, "tested\n"]);
  }, 300_000);

  test("warns that a VMM as root is less safe, but confines it", async () => {
    const done = await home.ok(["vm", "run", "--name", "r", "--detach", "--wait=agent"]);
    expect(done.stderr).toMatch(/root/);
    const status = await Bun.file(`/proc/${home.processOf("qemu").pid}/status`).text();
    expect(status).toMatch(/CapEff:\s+0{16}/);
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    await home.ok(["vm", "delete", "r"]);
  }, 120_000);

  test("a disk that fills while a template is made: nothing half-made is left, and with enough space it works", async () => {
    const small = new Home("fill");
    const state = join(small.folder, "s");
    Bun.spawnSync(["mkdir", "-p", state]);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1100M", "tmpfs", state]).exitCode).toBe(0);
    try {
      cpSync(join(home.folder, "s"), state, { recursive: true, filter: (path) => !path.includes("/templates/") });
      linkCache(join(home.folder, "c"), small);
      const run = small.banger(["vm", "run", "--rm", "--memory", "1G", "--", "true"], { timeoutMs: 120_000 });
      await until("the template's VM boots", () => small.processes().some(({ name }) => name.startsWith("qemu")));
      const filler = fill(state);
      // the space that the template frees can be enough for a boot
      const { code, stderr } = await run;
      expect([0, 125]).toContain(code ?? -1);
      expect(stderr).toContain("a template could not be made");
      rmSync(filler);
      await until("only the daemon is left", () => small.processes().every(({ name }) => name.startsWith("bangerd")));
      for (const { name } of await small.json<{ name: string }[]>(["vm", "ls"])) await small.ok(["vm", "delete", name]);
      expect(small.vmFiles()).toEqual([]);
      const again = await small.ok(["vm", "run", "--rm", "--memory", "512M", "--", "true"], { timeoutMs: 120_000 });
      expect(again.stderr).toMatch(/restoring from template/);
    } finally {
      await small.banger(["daemon", "stop"], { timeoutMs: 20_000 });
      Bun.spawnSync(["umount", "-l", state]);
      await small.close();
    }
  }, 300_000);

  test("a disk that fills while a VM is made: reported as such, nothing half-made left", async () => {
    const small = new Home("full");
    const state = join(small.folder, "s");
    Bun.spawnSync(["mkdir", "-p", state]);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16M", "tmpfs", state]).exitCode).toBe(0);
    try {
      // the home's own files would fill it already
      const isLink = (path: string) => lstatSync(path).isSymbolicLink();
      const filter = (path: string) => !dirname(path).endsWith("/templates") || isLink(path);
      cpSync(join(home.folder, "s"), state, { recursive: true, filter });
      linkCache(join(home.folder, "c"), small);
      await small.ok(["vm", "ls"]);
      fill(state);
      const done = await small.banger(["vm", "run", "--rm", "--wait=agent", "--", "true"], { timeoutMs: 120_000 });
      expect([done.code, done.stderr]).toEqual([125, expect.stringContaining("no space left")]);
      expect(done.stderr).toContain("hint:");
      expect(small.vmFiles()).toEqual([]);
      // passt ends when it notices that its guard has ended
      await until("only the daemon is left", () => small.processes().every(({ name }) => name.startsWith("bangerd")));
    } finally {
      await small.banger(["daemon", "stop"], { timeoutMs: 20_000 });
      Bun.spawnSync(["umount", "-l", state]);
      await small.close();
    }
  }, 180_000);
});

/** Takes all the space that is left. @returns the file that takes it */
function fill(folder: string): string {
  const filler = join(folder, "filler");
  Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=64K"]);
  return filler;
}
