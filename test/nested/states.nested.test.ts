/** VMs on hardware virtualization that are saved, copied and stopped: by their user, with their daemon, and with their host. */
import { beforeAll, expect, test } from "bun:test";
import { longTest, nestedSuite } from "./harness.ts";

type Listed = { name: string; state: string; pid: number | null };

nestedSuite("states", ({ host, small }) => {
  const sh = (name: string, script: string) => host().inGuest(name, script);
  const list = () => host().json<Listed[]>(["vm", "list"]);
  const show = async (name: string) => (await list()).find((vm) => vm.name === name);
  const bootId = "cat /proc/sys/kernel/random/boot_id";
  /** A process that is in the guest's memory alone. */
  const keep = "sleep 100000 </dev/null >/dev/null 2>&1 & echo $! > /run/keeper";
  const kept = "kill -0 $(cat /run/keeper) && echo kept";

  /** The guest's clock is right to the second, however long one question takes. */
  const expectRightClock = async (name: string) => {
    const before = Math.floor(await host().clock());
    const clock = Number(await sh(name, "date +%s"));
    expect(clock).toBeGreaterThanOrEqual(before);
    expect(clock).toBeLessThanOrEqual(await host().clock());
  };

  const killDaemon = () =>
    host().vm.shell("kill -KILL $(pgrep -x bangerd) && while pgrep -x bangerd; do sleep 0.1; done");

  beforeAll(async () => {
    await host().ok(["vm", "run", "--name", "web", "--detach", ...small]);
    await sh("web", `echo one > /root/f; ${keep}; sync`);
  });

  test("a snapshot gives back disk, memory and processes", async () => {
    const boot = await sh("web", bootId);
    await host().ok(["vm", "snapshot", "web", "before"]);
    await sh("web", "echo two > /root/f; kill $(cat /run/keeper)");
    await host().ok(["vm", "restore", "--force", "web", "before"]);
    expect(await sh("web", `cat /root/f; ${kept}; ${bootId}`)).toBe(`one\nkept\n${boot}`);
    await expectRightClock("web");
  });

  /** Each is where the VM was, and nothing that tells machines apart is shared with it or another fork. */
  const expectForks = async (count: number) => {
    const forks = (await list()).map((vm) => vm.name).filter((name) => name !== "web");
    expect(forks.length).toBe(count);
    const identity = `${bootId}; cat /etc/machine-id; head -c 8 /dev/urandom | od -An -tx1`;
    const seen = new Set<string>();
    for (const name of [...forks, "web"]) {
      const [file, alive, ...lines] = (await sh(name, `cat /root/f; ${kept}; ${identity}`)).split("\n");
      expect([file, alive, lines.length]).toEqual(["one", "kept", 3]);
      for (const line of lines) seen.add(line);
    }
    expect(seen.size).toBe(3 * (count + 1));
    await expectRightClock(forks[0] ?? "");
    await sh(forks[0] ?? "", "echo other > /root/f");
    expect(await sh("web", "cat /root/f")).toBe("one");
    await host().ok(["vm", "delete", ...forks]);
  };

  test("forks of a running VM continue where it was, as machines of their own", async () => {
    await host().ok(["vm", "fork", "web", "--count", "2"]);
    expect((await show("web"))?.state).toBe("running");
    await expectForks(2);
  });

  test("a paused VM uses no CPU time, and resumes with the right clock", async () => {
    await host().ok(["vm", "pause", "web"]);
    const ticks = `cut -d ' ' -f 14,15 /proc/${(await show("web"))?.pid}/stat`;
    const before = await host().vm.shell(ticks);
    expect((await host().banger(["vm", "exec", "web", "--", "true"])).code).toBe(125);
    expect(await host().vm.shell(ticks)).toBe(before);
    await host().ok(["vm", "resume", "web"]);
    await expectRightClock("web");
  });

  test("a suspended VM has no process; the next command wakes it where it was", async () => {
    const boot = await sh("web", bootId);
    await host().ok(["vm", "suspend", "web"]);
    expect(await show("web")).toMatchObject({ state: "suspended", pid: null });
    expect(await sh("web", `${kept}; ${bootId}`)).toBe(`kept\n${boot}`);
    await expectRightClock("web");
  });

  longTest("a fork of a suspended VM continues where it was, and the VM stays suspended", async () => {
    await host().ok(["vm", "suspend", "web"]);
    await host().ok(["vm", "fork", "web", "--count", "1"]);
    expect((await show("web"))?.state).toBe("suspended");
    await expectForks(1);
  });

  test("a killed daemon's successor has the VM, its processes and its clock", async () => {
    const { pid } = (await show("web")) ?? {};
    await killDaemon();
    expect(await show("web")).toMatchObject({ state: "running", pid });
    expect(await sh("web", kept)).toBe("kept");
    await expectRightClock("web");
  });

  longTest("a paused VM stays paused when its daemon is killed", async () => {
    await host().ok(["vm", "pause", "web"]);
    const { pid } = (await show("web")) ?? {};
    await killDaemon();
    expect(await show("web")).toMatchObject({ state: "paused", pid });
    const ticks = `cut -d ' ' -f 14,15 /proc/${pid}/stat`;
    const before = await host().vm.shell(ticks);
    expect((await host().banger(["vm", "exec", "web", "--", "true"])).code).toBe(125);
    expect(await host().vm.shell(ticks)).toBe(before);
    await host().ok(["vm", "resume", "web"]);
    expect(await sh("web", kept)).toBe("kept");
    await expectRightClock("web");
  });

  test("a VM suspended before its host restarts wakes with its processes and the right clock", async () => {
    const boot = await sh("web", bootId);
    await host().ok(["vm", "suspend", "web"]);
    await host().ok(["daemon", "stop"]);
    await host().powerOff();
    // the new host has been up for a shorter time than the VM: its time stamp counter is behind the saved one
    await host().start();
    expect((await show("web"))?.state).toBe("suspended");
    expect(await sh("web", `${kept}; ${bootId}`)).toBe(`kept\n${boot}`);
    await expectRightClock("web");
  });

  longTest("a VM that ran when its host lost power is stopped, and boots from its disk", async () => {
    await sh("web", "echo three > /root/f; sync");
    await host().powerOff();
    await host().start();
    expect((await show("web"))?.state).toBe("stopped");
    await host().ok(["vm", "start", "--wait=agent", "web"]);
    expect(await sh("web", "cat /root/f; [ -e /run/keeper ] || echo new")).toBe("three\nnew");
  });
});
