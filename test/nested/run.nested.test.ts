/** VMs on hardware virtualization, from the first boot to the end of the guest. */
import { expect, test } from "bun:test";
import { nestedSuite } from "./harness.ts";

type Shown = { state: string; failure: { reason: string } | null };

/** One line for each value that no two VMs may share. */
const identity = `cat /etc/machine-id /proc/sys/kernel/random/boot_id; hostname
cat /sys/class/net/*/address | grep -v 00:00:00:00:00:00; head -c 16 /dev/urandom | od -An -tx1`;

nestedSuite("run", ({ host, small }) => {
  const run = (...args: string[]) => host().banger(["vm", "run", "--rm", ...small, ...args]);
  const detach = (name: string) => host().ok(["vm", "run", "--name", name, "--detach", ...small]);
  const show = (name: string) => host().json<Shown>(["vm", "show", name]);

  test("doctor says KVM", async () => {
    const { stdout } = await host().banger(["doctor"]);
    expect(stdout).toMatch(/^ok +acceleration: KVM$/m);
    expect(stdout).not.toMatch(/^(?:fail|FAIL)/m);
  });

  test("the first VM boots on KVM and leaves a template; the next is restored from it", async () => {
    const look = "dmesg | grep -c 'Hypervisor detected: KVM'; cat /proc/sys/kernel/randomize_va_space";
    const first = await run(
      "--",
      "sh",
      "-c",
      `${look}; cat /sys/devices/system/clocksource/clocksource0/current_clocksource`,
    );
    expect(first.stderr).toContain("booting, once");
    expect([first.code, first.stdout]).toEqual([0, "1\n2\nkvm-clock\n"]);
    const second = await run("--", "true");
    expect(second.stderr).not.toContain("booting");
    expect([second.code, second.stderr]).toEqual([0, expect.stringContaining("restoring from template")]);
  });

  test("exit codes, signals, and streams of commands are the guest's", async () => {
    await detach("box");
    const exec = (...argv: string[]) => host().banger(["vm", "exec", "box", "--", ...argv]);
    expect(await exec("sh", "-c", "echo out; echo err >&2; exit 7")).toMatchObject({
      code: 7,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect((await exec("sh", "-c", "kill -KILL $$")).code).toBe(137);
    expect((await exec("no-such-program")).code).toBe(127);
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const many = Buffer.concat(Array.from({ length: 30 }, () => bytes));
    const echoed = await host().banger(["vm", "exec", "box", "--", "cat"], { input: new Uint8Array(many) });
    expect(Bun.hash(echoed.out)).toBe(Bun.hash(many));
  });

  test("a terminal has its size, and gives the guest's exit code", async () => {
    const script = "test -t 0 && test -t 1 && stty size; exit 5";
    const tty = { cols: 101, rows: 33 };
    const { code, stdout } = await host().banger(["vm", "exec", "box", "--", "sh", "-c", script], { tty });
    expect([code, stdout.trim()]).toEqual([5, "33 101"]);
  });

  for (const how of ["poweroff -f", "halt -f"])
    test(`a guest that calls \`${how}\` ends as stopped`, async () => {
      await host().banger(["vm", "exec", "box", "--", "sh", "-c", how]);
      expect((await host().banger(["vm", "wait", "box"])).code).toBe(0);
      expect(await show("box")).toMatchObject({ state: "stopped", failure: null });
      await host().ok(["vm", "start", "--wait=agent", "box"]);
    });

  test("a guest that reboots starts again from its disk", async () => {
    const boot = await host().inGuest("box", "echo kept > /root/f; sync; cat /proc/sys/kernel/random/boot_id");
    await host().banger(["vm", "exec", "box", "--", "reboot", "-f"]);
    await host().ok(["vm", "start", "--wait=agent", "box"]);
    const [kept, after] = (await host().inGuest("box", "cat /root/f /proc/sys/kernel/random/boot_id")).split("\n");
    expect(kept).toBe("kept");
    expect(after).not.toBe(boot);
    await host().ok(["vm", "delete", "box"]);
  });

  test("two clones differ in every identity, and have the right clock a minute after the save", async () => {
    const [template] = await host().json<{ createdAt: number }[]>(["template", "list"]);
    // time itself is what is tested
    await Bun.sleep(Math.max(0, (template?.createdAt ?? 0) + 60_000 - (await host().clock()) * 1000));
    const seen: string[][] = [];
    for (const name of ["one", "two"]) {
      await detach(name);
      const before = await host().clock();
      const [clock, ...lines] = (await host().inGuest(name, `date +%s; ${identity}`)).split("\n");
      expect(Number(clock)).toBeGreaterThanOrEqual(Math.floor(before));
      expect(Number(clock)).toBeLessThanOrEqual(await host().clock());
      expect(lines.length).toBe(5);
      seen.push(lines);
    }
    const [one = [], two = []] = seen;
    expect(one.filter((line) => two.includes(line))).toEqual([]);
    expect((await host().inGuest("two", "hostname")).trim()).toBe("two");
    await host().ok(["vm", "delete", "one", "two"]);
  });

  test("nothing is left behind", async () => {
    await host().ok(["daemon", "stop"]);
    expect(await host().vm.shell("pgrep -l 'qemu-system|firecracker|passt|bangerd' || true")).toBe("");
  });
});
