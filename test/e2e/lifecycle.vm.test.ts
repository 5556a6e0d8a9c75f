/** VMs by name: create, start, stop, restart, kill, delete, rename, and guests that end on their own. */
import { afterEach, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { until } from "./processes.ts";

type Shown = { name: string; state: string; generation: number; failure: { reason: string; console: string[] } | null };

/** systemctl needs a bus that exists only when the services are up */
const ready = "until systemctl list-jobs >/dev/null 2>&1; do sleep 0.2; done";

vmSuite("lifecycle", (home) => {
  const show = (name: string) => home().json<Shown>(["vm", "show", name]);
  /** a test that fails leaves its VM; `b` is passed from test to test */
  afterEach(async () => {
    for (const { name } of await home().json<Shown[]>(["vm", "ls"]))
      if (name !== "b") await home().banger(["vm", "delete", name]);
  });
  const state = async (name: string) => (await show(name)).state;
  const start = (name: string) => home().ok(["vm", "start", "--wait=agent", name]);
  const exec = (name: string, ...argv: string[]) => home().banger(["vm", "exec", name, "--", ...argv]);

  test("create leaves it stopped; several names at once; names that are taken or invalid are refused", async () => {
    await home().ok(["vm", "create", "--name", "one", "--memory", "512M", "--vcpu", "1"]);
    await home().ok(["vm", "create", "--name", "two", "--memory", "512M"]);
    expect(await state("one")).toBe("stopped");
    const taken = await home().banger(["vm", "create", "--name", "one"]);
    expect([taken.code, taken.stderr]).toEqual([4, expect.stringContaining('a VM named "one" already exists')]);
    const invalid = await home().banger(["vm", "create", "--name", "No_Good"]);
    expect([invalid.code, invalid.stderr]).toEqual([2, expect.stringContaining("is not a VM name")]);
    await home().ok(["vm", "delete", "one", "two"]);
    expect(await home().json(["vm", "ls"])).toEqual([]);
    expect(home().vmFiles()).toEqual([]);
  }, 120_000);

  test("one bad name among several: the others are processed, the bad one is reported, the status is not 0", async () => {
    await home().ok(["vm", "create", "--name", "one"]);
    const done = await home().banger(["vm", "delete", "nobody", "one"]);
    expect(done.code).toBe(3);
    expect(done.stderr).toContain('no VM is named "nobody"');
    expect(await home().json(["vm", "ls"])).toEqual([]);
  }, 60_000);

  test("two CLIs that create one name at once: one succeeds, the other gets an error", async () => {
    const both = await Promise.all([1, 2].map(() => home().banger(["vm", "create", "--name", "race"])));
    expect(both.map((done) => done.code).sort()).toEqual([0, 4]);
    expect((await home().json<Shown[]>(["vm", "ls"])).map((vm) => vm.name)).toEqual(["race"]);
    await home().ok(["vm", "delete", "race"]);
  }, 60_000);

  test("data survives stop, start, restart and kill; rename keeps it running", async () => {
    await home().ok(["vm", "create", "--name", "a"]);
    await start("a");
    await exec("a", "sh", "-c", "echo data >/root/kept; sync");
    await home().ok(["vm", "stop", "a"]);
    expect(await state("a")).toBe("stopped");
    await start("a");
    expect((await exec("a", "cat", "/root/kept")).stdout).toBe("data\n");
    await home().ok(["vm", "rename", "a", "b"]);
    expect((await exec("b", "cat", "/root/kept")).stdout).toBe("data\n");
    await home().ok(["vm", "kill", "b"]);
    expect(await state("b")).toBe("stopped");
    await start("b");
    expect((await exec("b", "cat", "/root/kept")).stdout).toBe("data\n");
    await home().ok(["vm", "restart", "--wait=agent", "b"]);
    expect((await exec("b", "cat", "/root/kept")).stdout).toBe("data\n");
  }, 400_000);

  for (const [how, command] of [
    ["powers off", `${ready}; systemctl poweroff`],
    ["halts", `${ready}; systemctl halt`],
  ] as const) {
    test(`a guest that ${how} ends as stopped, and wait reports so`, async () => {
      const waiting = home().banger(["vm", "wait", "b"]);
      await exec("b", "sh", "-c", command);
      expect((await waiting).code).toBe(0);
      await until("it is stopped", async () => (await state("b")) === "stopped");
      expect(
        home()
          .processes()
          .map((item) => item.name),
      ).toEqual(["bangerd"]);
      await start("b");
    }, 240_000);
  }

  test("a guest that reboots starts again from its disk", async () => {
    const before = (await show("b")).generation;
    await exec("b", "sh", "-c", `echo again >/root/kept; sync; ${ready}; systemctl reboot`);
    await until(
      "it runs again",
      async () => {
        const now = await show("b");
        return now.state === "running" && now.generation > before;
      },
      120_000,
    );
    await until("the agent answers", async () => (await exec("b", "true")).code === 0, 120_000);
    expect((await exec("b", "cat", "/root/kept")).stdout).toBe("again\n");
  }, 300_000);

  test("a kernel panic is reported as such, with the console's last lines; the name is free after delete", async () => {
    await home().banger(
      ["vm", "exec", "b", "--", "sh", "-c", "echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger"],
      { timeoutMs: 60_000 },
    );
    await until("it failed", async () => (await state("b")) === "failed");
    const { failure } = await show("b");
    expect(failure?.reason).toMatch(/panic/i);
    expect(failure?.console.length).toBeGreaterThan(0);
    expect((await home().ok(["vm", "logs", "b"])).stdout).toMatch(/sysrq/i);
    await home().ok(["vm", "delete", "b"]);
    expect(home().vmFiles()).toEqual([]);
    expect(
      home()
        .processes()
        .map((item) => item.name),
    ).toEqual(["bangerd"]);
  }, 120_000);

  test("a guest kernel out of memory is reported as such", async () => {
    await home().ok(["vm", "run", "--name", "oom", "--detach", "--memory", "512M"]);
    // 2 is compulsory: the limit of one service is enough, and nothing has to thrash first
    const eat = "echo 2 >/proc/sys/vm/panic_on_oom; exec systemd-run --quiet --wait -p MemoryMax=16M tail /dev/zero";
    await home().banger(["vm", "exec", "oom", "--", "sh", "-c", eat], { timeoutMs: 120_000 });
    await until("it failed", async () => (await state("oom")) === "failed", 120_000);
    expect((await show("oom")).failure?.reason).toMatch(/out of memory/i);
    await home().ok(["vm", "delete", "oom"]);
  }, 400_000);

  test("a VMM that is killed: failed with the reason, nothing left after delete", async () => {
    await home().ok(["vm", "run", "--name", "k", "--detach", "--wait=agent"]);
    home().signal(home().processOf("qemu"), "SIGKILL");
    await until("it failed", async () => (await state("k")) === "failed");
    expect((await show("k")).failure?.reason).toMatch(/SIGKILL|killed/i);
    const listed = await home().ok(["vm", "ls"]);
    expect(listed.stdout).toMatch(/k\s.*failed/);
    await home().ok(["vm", "delete", "k"]);
    expect(home().vmFiles()).toEqual([]);
    await until("only the daemon is left", () => home().processes().length === 1);
  }, 240_000);

  test("a VM that fails to boot: reported with a reason, its logs work, delete removes it", async () => {
    await home().ok(["vm", "create", "--name", "broken"]);
    const disk =
      home()
        .vmFiles()
        .find((name) => name.endsWith("disk.ext4")) ?? "";
    overwriteStart(join(home().folder, "s/banger/vms", disk));
    const failed = await home().banger(["vm", "start", "--cold", "--wait=agent", "broken"]);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('VM "broken" did not start')]);
    expect(failed.stderr).toContain("banger vm logs broken");
    expect((await home().ok(["vm", "logs", "broken"])).stdout).toContain("banger-agent:");
    expect(await state("broken")).toBe("failed");
    await home().ok(["vm", "delete", "broken"]);
    expect(home().vmFiles()).toEqual([]);
  }, 240_000);

  test("stop cuts the power of a guest that does not react, and reports so", async () => {
    await home().ok(["vm", "run", "--name", "deaf", "--detach", "--wait=agent"]);
    home().signal(home().processOf("qemu"), "SIGSTOP");
    const stopped = await home().banger(["vm", "stop", "--grace", "3s", "deaf"], { timeoutMs: 90_000 });
    expect(stopped.code).toBe(0);
    expect(stopped.stderr + stopped.stdout).toMatch(/cut/);
    await home().ok(["vm", "delete", "deaf"]);
  }, 240_000);

  test("kill and delete end a VM whose VMM answers nothing, while a pause waits for it", async () => {
    for (const end of ["kill", "delete"]) {
      await home().ok(["vm", "run", "--name", "mute", "--detach", "--wait=agent"]);
      home().signal(home().processOf("qemu"), "SIGSTOP");
      const pausing = home().banger(["vm", "pause", "mute"]);
      await until("the pause waits", async () => (await state("mute")) === "paused");
      const began = performance.now();
      await home().ok(["vm", end, "mute"]);
      // a command to a VMM times out after 30 s
      expect(performance.now() - began).toBeLessThan(20_000);
      expect((await pausing).code).toBe(1);
      if (end === "kill") expect(await state("mute")).toBe("stopped");
      await home().banger(["vm", "delete", "mute"]);
    }
    expect(home().vmFiles()).toEqual([]);
  }, 240_000);
});

/** Zeroes where the file system's superblock is. */
function overwriteStart(file: string): void {
  const handle = openSync(file, "r+");
  writeSync(handle, new Uint8Array(64 * 1024));
  closeSync(handle);
}
