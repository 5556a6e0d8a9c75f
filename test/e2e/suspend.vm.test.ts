/** VMs that are paused, suspended, snapshotted, restored, and forked: with real guests and running programs. */
import { beforeAll, expect, test } from "bun:test";
import { vmSuite } from "./harness.ts";
import { until } from "./processes.ts";

type Listed = { name: string; state: string; pid: number | null };

vmSuite("suspend", (home) => {
  const inGuest = async (vm: string, script: string) =>
    (await home().ok(["vm", "exec", vm, "--", "sh", "-c", script])).stdout.trim();
  const list = () => home().json<Listed[]>(["vm", "ls"]);
  const stateOf = async (name: string) => (await list()).find((vm) => vm.name === name)?.state;
  const vmms = () =>
    home()
      .processes()
      .filter((item) => item.name.startsWith("qemu"));

  /** Counts in a file that is never empty (it is overwritten, not truncated), and keeps an unlinked file open. */
  const counter =
    "exec 3>/root/open; echo kept >&3; rm /root/open; i=0; while :; do i=$((i+1)); printf '%08d\\n' $i 1<>/run/count; sleep 0.1; done";
  const count = async (vm: string) => Number(await inGuest(vm, "cat /run/count"));
  const counts = async (vm: string) => {
    const before = await count(vm);
    await until(`${vm} counts on`, async () => (await count(vm)) > before);
    return before;
  };

  beforeAll(async () => {
    await home().ok(["vm", "run", "--name", "web", "--detach"]);
    await home().ok([
      "vm",
      "exec",
      "web",
      "--",
      "sh",
      "-c",
      `setsid sh -c "$1" >/dev/null 2>&1 </dev/null &`,
      "sh",
      counter,
    ]);
    await until(
      "it counts",
      async () => (await home().banger(["vm", "exec", "web", "--", "cat", "/run/count"])).stdout !== "",
    );
  }, 240_000);

  test("a paused VM does not run; when resumed, it continues with the right time", async () => {
    await counts("web");
    await inGuest("web", "date -s '2001-02-03 04:05:06' >/dev/null");
    await home().ok(["vm", "pause", "web"]);
    const refused = await home().banger(["vm", "exec", "web", "--", "true"]);
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringContaining("banger vm resume web")]);
    await home().ok(["vm", "resume", "web"]);
    await counts("web");
    expect(Math.abs(Number(await inGuest("web", "date +%s")) - Date.now() / 1000)).toBeLessThan(30);
  }, 120_000);

  test("a suspended VM has no process; the next command wakes it where it was", async () => {
    const before = await counts("web");
    const boot = await inGuest("web", "cat /proc/sys/kernel/random/boot_id /etc/machine-id");
    await home().ok(["vm", "suspend", "web"]);
    expect(await stateOf("web")).toBe("suspended");
    expect(vmms()).toEqual([]);
    expect(await counts("web")).toBeGreaterThanOrEqual(before);
    expect(await stateOf("web")).toBe("running");
    expect(await inGuest("web", "cat /proc/sys/kernel/random/boot_id /etc/machine-id")).toBe(boot);
    expect(await inGuest("web", "cat /proc/$(pgrep -f '[e]cho kept' | head -n 1)/fd/3")).toBe("kept");
  }, 120_000);

  test("a suspended VM outlives the daemon, and a daemon that dies while it wakes", async () => {
    const before = await count("web");
    await home().ok(["vm", "suspend", "web"]);
    await home().killDaemon();
    expect(await stateOf("web")).toBe("suspended");
    const waking = home().spawn(["vm", "exec", "web", "--", "true"]);
    await until("its VMM runs", () => vmms().length > 0);
    await home().killDaemon();
    await waking.exited;
    await until("it is one or the other", async () => ["running", "suspended"].includes((await stateOf("web")) ?? ""));
    expect(await counts("web")).toBeGreaterThanOrEqual(before);
  }, 180_000);

  test("the daemon killed while it suspends: the VM runs, or is suspended", async () => {
    const before = await count("web");
    const child = home().spawn(["vm", "suspend", "web"]);
    await until("it is being saved", () =>
      home()
        .vmFiles()
        .some((file) => file.includes("saved")),
    );
    await home().killDaemon();
    await child.exited;
    expect(["running", "suspended"]).toContain((await stateOf("web")) ?? "");
    expect(await counts("web")).toBeGreaterThanOrEqual(before);
  }, 180_000);

  test("forks continue with their parent's processes and open files, as other machines; the parent's session continues too", async () => {
    const session = home().spawn(["vm", "exec", "web", "--", "sh", "-c", "echo ready; read line; echo got $line"]);
    const reader = session.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
    const before = await counts("web");
    const names = (await home().ok(["vm", "fork", "web", "kid", "--count", "2"])).stdout.trim().split("\n");
    expect(names).toEqual(["kid", expect.any(String)]);
    session.stdin.write("on\n");
    await session.stdin.end();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("got on\n");
    expect(await session.exited).toBe(0);
    for (const name of names) {
      expect(await counts(name)).toBeGreaterThanOrEqual(before);
      expect(await inGuest(name, "cat /proc/$(pgrep -f '[e]cho kept' | head -n 1)/fd/3; hostname")).toBe(
        `kept\n${name}`,
      );
    }
    const ids = await Promise.all(
      ["web", ...names].map((name) => inGuest(name, "cat /etc/machine-id; head -c 32 /dev/urandom | base64")),
    );
    expect(new Set(ids.flatMap((text) => text.split("\n"))).size).toBe(6);
    await home().ok(["vm", "delete", ...names]);
  }, 240_000);

  test("the daemon killed in a fork: the parent keeps running, each child is complete or gone", async () => {
    const before = await counts("web");
    const child = home().spawn(["vm", "fork", "web", "kid"]);
    await until(
      "the child has its folder",
      () =>
        home()
          .vmFiles()
          .filter((file) => file.endsWith("disk.ext4")).length > 1,
    );
    await home().killDaemon();
    await child.exited;
    await until("nothing is between states", async () =>
      (await list()).every(({ state }) => ["running", "stopped", "failed"].includes(state)),
    );
    expect(await counts("web")).toBeGreaterThanOrEqual(before);
    await home().banger(["vm", "delete", "kid"]);
    expect((await list()).map(({ name }) => name)).toEqual(["web"]);
  }, 240_000);

  test("a snapshot is restored, memory and disk; later changes are discarded", async () => {
    await inGuest("web", "echo before > /root/file; sync");
    await home().ok(["vm", "snapshot", "web", "s"]);
    const then = await count("web");
    await inGuest("web", "rm /root/file; echo after > /root/other; pkill -f '[e]cho kept'");
    await home().ok(["vm", "restore", "--force", "web", "s"]);
    expect(await inGuest("web", "cat /root/file; ls /root/other 2>/dev/null; true")).toBe("before");
    expect(await counts("web")).toBeLessThanOrEqual(then + 50);
    await home().ok(["vm", "restore", "--force", "web", "s", "--cold"]);
    expect(await inGuest("web", "cat /root/file; ls /run/count 2>/dev/null; true")).toBe("before");
    await home().ok(["snapshot", "delete", "web", "s"]);
  }, 240_000);

  test("an idle VM is suspended automatically, reports so, and wakes", async () => {
    await home().ok(["vm", "run", "--name", "idle", "--idle-timeout", "1s", "--detach", "--", "true"]);
    await until("it is suspended", async () => (await stateOf("idle")) === "suspended", 180_000);
    expect((await home().ok(["vm", "show", "idle"])).stdout).toMatch(/^suspended: +not used for 1s/m);
    expect(await inGuest("idle", "hostname")).toBe("idle");
    await home().ok(["vm", "delete", "idle"]);
  }, 300_000);
});
