/** The daemon may die at any moment: VMs go on, and the next one tells the truth. */
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { type Home, programs, repository } from "./home.ts";
import { until } from "./processes.ts";
import { onTerminal } from "./pty.ts";

type Listed = { name: string; state: string; pid: number | null };

vmSuite("daemon", (home) => {
  const list = () => home().json<Listed[]>(["vm", "ls"]);
  const vmm = () =>
    home()
      .processes()
      .filter((item) => item.name.startsWith("qemu"));

  test("starts by itself, says who it is, stops when asked", async () => {
    expect((await home().banger(["daemon", "status"])).code).toBe(6);
    await list();
    const status = await home().json<{ pid: number; version: string; socket: string }>(["daemon", "status"]);
    expect(status).toEqual(
      expect.objectContaining({
        pid: expect.any(Number),
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        socket: join(home().folder, "r/banger/bangerd.sock"),
      }),
    );
    await home().ok(["daemon", "stop"]);
    expect(home().processes()).toEqual([]);
    await list();
    expect(await home().daemonPid()).not.toBe(status.pid);
  });

  test("killed while a VM runs: the VM goes on and is adopted", async () => {
    await home().ok(["vm", "run", "--name", "a", "--detach", "--wait=agent"]);
    await home().ok(["vm", "exec", "a", "--", "sh", "-c", "echo $$; (sleep 1000 &) ; echo mark >/run/mark"]);
    const before = vmm().map((item) => item.pid);
    await home().killDaemon();
    expect(vmm().map((item) => item.pid)).toEqual(before);
    expect(await list()).toEqual([expect.objectContaining({ name: "a", state: "running", pid: before[0] })]);
    expect((await home().ok(["vm", "exec", "a", "--", "cat", "/run/mark"])).stdout).toBe("mark\n");
  }, 240_000);

  test("killed during a session: the session ends with 125 and says why, the next one works", async () => {
    const child = home().spawn(["vm", "exec", "a", "--", "sh", "-c", "echo ready; exec sleep 1000"]);
    await child.stdout.getReader().read();
    await home().killDaemon();
    expect(await child.exited).toBe(125);
    expect(await new Response(child.stderr).text()).toMatch(/lost|daemon/);
    expect((await home().ok(["vm", "exec", "a", "--", "echo", "again"])).stdout).toBe("again\n");
    const sleeping = "ps -eo args | grep -c '^sleep 1000$'";
    await until(
      "the lost session's command is gone",
      async () => (await home().banger(["vm", "exec", "a", "--", "sh", "-c", sleeping])).stdout === "1\n",
      20_000,
    );
  }, 60_000);

  test("a VM that ended while no daemon was there is shown as ended", async () => {
    const target = vmm()[0];
    await home().killDaemon();
    if (target) home().signal(target, "SIGKILL");
    await until("the VMM is gone", () => vmm().length === 0);
    const [vm] = await list();
    expect([vm?.name, vm?.state]).toEqual(["a", "failed"]);
    await home().ok(["vm", "delete", "a"]);
    expect(home().vmFiles()).toEqual([]);
  }, 60_000);

  test("killed while a VM is made, before its VMM runs: undone or finished, never half", async () => {
    const child = home().spawn(["vm", "run", "--name", "early", "--detach", "--wait=agent"]);
    await until("the VM's folder is there", () => home().vmFiles().length > 0);
    await home().killDaemon();
    expect(await child.exited).not.toBe(0);
    await settled(home(), list);
  }, 240_000);

  test("killed between the VMM's start and the agent's answer", async () => {
    const child = home().spawn(["vm", "run", "--name", "middle", "--detach", "--wait=agent"]);
    await until("the VMM runs", () => vmm().length > 0, 60_000);
    await home().killDaemon();
    expect(await child.exited).not.toBe(0);
    await settled(home(), list);
  }, 240_000);

  test("killed while a VM is deleted: it is gone afterwards", async () => {
    await home().ok(["vm", "run", "--name", "late", "--detach", "--wait=agent"]);
    const child = home().spawn(["vm", "delete", "late"]);
    await until("the VMM is on its way out", () => vmm().length === 0 || home().vmFiles().length === 0);
    await home().killDaemon();
    await child.exited;
    await home().banger(["vm", "delete", "late"]);
    expect(await list()).toEqual([]);
    expect(vmm()).toEqual([]);
    expect(home().vmFiles()).toEqual([]);
  }, 240_000);

  test("an ephemeral VM whose daemon and CLI both died is deleted by the next daemon", async () => {
    const child = home().spawn([
      "vm",
      "run",
      "--rm",
      "--name",
      "orphan",
      "--wait=agent",
      "--",
      "sh",
      "-c",
      "echo ready; exec sleep 1000",
    ]);
    await child.stdout.getReader().read();
    await home().killDaemon();
    child.kill("SIGKILL");
    await child.exited;
    await until("it is gone", async () => (await list()).length === 0);
    expect(vmm()).toEqual([]);
    // the row goes first
    await until("its folder is gone", () => home().vmFiles().length === 0);
  }, 240_000);

  test("a VM made with --rm outlives a daemon that is killed, for as long as its command does", async () => {
    const args = [
      "vm",
      "run",
      "--rm",
      "--name",
      "mine",
      "--wait=agent",
      "--",
      "sh",
      "-c",
      "echo ready; exec sleep 1000",
    ];
    const child = home().spawn(args);
    await child.stdout.getReader().read();
    const refused = await home().banger(["daemon", "stop"]);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('VM "mine"')]);
    // a command that stands still can't take its lease again
    child.kill("SIGSTOP");
    await home().killDaemon();
    expect((await list()).map((vm) => vm.name)).toEqual(["mine"]);
    // longer than a VM without a holder is kept
    await Bun.sleep(7000);
    expect((await list()).map((vm) => vm.name)).toEqual(["mine"]);
    child.kill("SIGKILL");
    child.kill("SIGCONT");
    await until("it is gone", async () => (await list()).length === 0);
    expect(vmm()).toEqual([]);
  }, 240_000);

  test("a shell of --rm that is lost with the daemon is opened anew in the same VM", async () => {
    const terminal = onTerminal(home(), ["vm", "run", "--rm", "--wait=agent"]);
    await terminal.see(/root@[\s\S]*[#$] $/, 180_000);
    terminal.type("touch /run/mark\r");
    await terminal.see(/[#$] $/);
    await home().ok(["daemon", "stop", "--force"]);
    await terminal.see("this is a new one in the same VM", 60_000);
    await terminal.see(/root@[\s\S]*[#$] $/, 60_000);
    terminal.type("ls /run/mark; exit 6\r");
    await terminal.see(/\r\/run\/mark\r/);
    expect(await terminal.exited).toBe(6);
    expect(await list()).toEqual([]);
  }, 240_000);

  test("a second daemon on the same state is refused", async () => {
    await list();
    const second = Bun.spawn([join(programs, "bangerd")], {
      env: home().env,
      cwd: home().folder,
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await second.exited).toBe(4);
    expect(await new Response(second.stderr).text()).toContain("another daemon");
    await list();
  }, 30_000);

  test("a socket left by a dead daemon is no hindrance", async () => {
    await home().killDaemon();
    expect(await list()).toEqual([]);
  });

  test("a daemon of another version is said as such, with what to type", async () => {
    await home().ok(["daemon", "stop"]);
    const other = Bun.spawn([await otherVersion(home())], {
      env: home().env,
      cwd: home().folder,
      stdout: "ignore",
      stderr: "ignore",
    });
    await until(
      "it serves",
      async () =>
        (await home().banger(["daemon", "status"])).code !== 6 ||
        existsSync(join(home().folder, "r/banger/bangerd.sock")),
    );
    const refused = await home().banger(["vm", "ls"]);
    expect([refused.code, refused.stderr]).toEqual([6, expect.stringContaining("the daemon is version 9.9.9")]);
    expect(refused.stderr).toContain("banger daemon stop");
    await home().ok(["daemon", "stop"]);
    expect(await other.exited).toBe(0);
    expect(await list()).toEqual([]);
  }, 60_000);
});

/** Every VM of the list is in a state that lasts, all can be deleted, and then nothing is left. */
async function settled(home: Home, list: () => Promise<Listed[]>): Promise<void> {
  await until(
    "no VM is between states",
    async () => (await list()).every((vm) => ["running", "stopped", "failed"].includes(vm.state)),
    120_000,
  );
  for (const { name } of await list()) await home.ok(["vm", "delete", name]);
  expect(await list()).toEqual([]);
  expect(home.vmFiles()).toEqual([]);
  await until(
    "only the daemon is left",
    () => home.processes().every((item) => item.name.startsWith("bangerd")),
    15_000,
  );
}

/** `bangerd` as it would be of version 9.9.9. */
async function otherVersion(home: Home): Promise<string> {
  const folder = join(home.folder, "other");
  mkdirSync(folder);
  const argv = [
    process.execPath,
    "build",
    "src/bin/banger.ts",
    "--compile",
    "--format=esm",
    "--define",
    'BANGER_VERSION="9.9.9"',
    "--outfile",
    join(folder, "bangerd"),
  ];
  const built = Bun.spawnSync(argv, { cwd: repository, stderr: "pipe" });
  if (built.exitCode !== 0) throw new Error(built.stderr.toString());
  copyFileSync(join(programs, "banger-vsock-agent"), join(folder, "banger-vsock-agent"));
  return join(folder, "bangerd");
}
