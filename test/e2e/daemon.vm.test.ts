/** The daemon can die at any moment: VMs keep running, and the next daemon reports the true state. */
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

  test("starts on demand, identifies itself, stops on request", async () => {
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

  test("killed while a VM runs: the VM keeps running and is adopted", async () => {
    await home().ok(["vm", "run", "--name", "a", "--detach", "--wait=agent"]);
    await home().ok(["vm", "exec", "a", "--", "sh", "-c", "echo $$; (sleep 1000 &) ; echo mark >/run/mark"]);
    const before = vmm().map((item) => item.pid);
    await home().killDaemon();
    expect(vmm().map((item) => item.pid)).toEqual(before);
    expect(await list()).toEqual([expect.objectContaining({ name: "a", state: "running", pid: before[0] })]);
    expect((await home().ok(["vm", "exec", "a", "--", "cat", "/run/mark"])).stdout).toBe("mark\n");
  }, 240_000);

  test("stopped and killed while a command runs: the command continues, with every byte and its status", async () => {
    const script = 'n=0; while read -r line; do n=$((n+1)); echo "out $n $line"; echo "err $n" >&2; done; exit 7';
    const child = home().spawn(["vm", "exec", "a", "--", "sh", "-c", script]);
    const stderr = new Response(child.stderr).text();
    const lines = linesOf(child.stdout);
    const turn = async (number: number) => {
      child.stdin.write(`in ${number}\n`);
      await child.stdin.flush();
      expect((await lines.next()).value).toBe(`out ${number} in ${number}`);
    };
    for (let number = 1; number <= 5; number++) await turn(number);
    const { stdout } = await home().ok(["daemon", "stop", "--force"]);
    expect(stdout).toContain("sessions in them continue");
    for (let number = 6; number <= 10; number++) await turn(number);
    await home().killDaemon();
    for (let number = 11; number <= 15; number++) await turn(number);
    await child.stdin.end();
    expect(await lines.next()).toMatchObject({ done: true });
    expect(await child.exited).toBe(7);
    const numbers = Array.from({ length: 15 }, (_, at) => at + 1);
    expect(await stderr).toBe(numbers.map((number) => `err ${number}\n`).join(""));
  }, 180_000);

  test("killed while output streams to a slow reader: all of it arrives, once", async () => {
    const child = home().spawn(["vm", "exec", "a", "--", "sh", "-c", "seq 1 400000; exit 3"], { input: "" });
    const stderr = new Response(child.stderr).text();
    const hash = new Bun.CryptoHasher("sha256");
    let seen = 0;
    let kills = 0;
    for await (const chunk of child.stdout) {
      hash.update(chunk);
      seen += chunk.length;
      if (kills < 2 && seen > 900_000 * (kills + 1)) {
        kills += 1;
        await list();
        await home().killDaemon();
      }
    }
    expect([await child.exited, kills, await stderr]).toEqual([3, 2, ""]);
    const wanted = new Bun.CryptoHasher("sha256");
    for (let number = 1; number <= 400_000; number++) wanted.update(`${number}\n`);
    expect(hash.digest("hex")).toBe(wanted.digest("hex"));
  }, 180_000);

  test("input that was not yet delivered is sent again", async () => {
    const input = new Uint8Array(3 * 1024 * 1024).map((_, at) => (at * 7919) >> 8);
    const child = home().spawn(["vm", "exec", "a", "--", "sh", "-c", "sleep 2; exec sha256sum"]);
    child.stdin.write(input);
    const fed = Promise.resolve(child.stdin.end());
    await home().killDaemon();
    await fed;
    const stdout = await new Response(child.stdout).text();
    expect([await child.exited, stdout]).toEqual([
      0,
      `${new Bun.CryptoHasher("sha256").update(input).digest("hex")}  -\n`,
    ]);
  }, 180_000);

  test("on a terminal: the same shell, its window's size and its signals", async () => {
    const terminal = onTerminal(home(), ["vm", "exec", "-t", "a", "--", "bash", "--norc"]);
    await terminal.see(/[#$] $/, 60_000);
    terminal.type("x=kept; sleep 1000\r");
    await terminal.see("sleep 1000");
    await home().killDaemon();
    terminal.resize(101, 37);
    terminal.type("\x03");
    await terminal.see(/[#$] $/, 60_000);
    terminal.type("echo =$x= $(stty size); exit 6\r");
    await terminal.see(/=kept= 37 101\r/, 60_000);
    expect(await terminal.exited).toBe(6);
  }, 180_000);

  test("a VM that ends while no daemon runs: its session ends with 125 and the reason", async () => {
    await home().ok(["vm", "run", "--name", "b", "--detach", "--wait=agent"]);
    const child = home().spawn(["vm", "exec", "b", "--", "sh", "-c", "echo ready; exec sleep 1000"]);
    await child.stdout.getReader().read();
    const pid = (await home().json<Listed>(["vm", "show", "b"])).pid;
    child.kill("SIGSTOP");
    await home().killDaemon();
    for (const target of vmm().filter((item) => item.pid === pid)) home().signal(target, "SIGKILL");
    child.kill("SIGCONT");
    expect(await child.exited).toBe(125);
    expect(await new Response(child.stderr).text()).toMatch(/session in VM "b" was lost[\s\S]*hint: /);
    await home().ok(["vm", "delete", "b"]);
  }, 240_000);

  test("a VM that ended while no daemon ran is shown as ended", async () => {
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
    // the row is deleted first
    await until("its folder is gone", () => home().vmFiles().length === 0);
  }, 240_000);

  test("a VM made with --rm outlives a killed daemon, for as long as its command runs", async () => {
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
    // nothing would end with it
    await home().ok(["daemon", "stop"]);
    await list();
    // a stopped CLI can't take a new hold
    child.kill("SIGSTOP");
    await home().killDaemon();
    expect((await list()).map((vm) => vm.name)).toEqual(["mine"]);
    // longer than a VM without a hold is kept
    await Bun.sleep(7000);
    expect((await list()).map((vm) => vm.name)).toEqual(["mine"]);
    child.kill("SIGKILL");
    child.kill("SIGCONT");
    await until("it is gone", async () => (await list()).length === 0);
    expect(vmm()).toEqual([]);
  }, 240_000);

  test("a shell with --rm outlives the daemon too", async () => {
    const terminal = onTerminal(home(), ["vm", "run", "--rm", "--wait=agent"]);
    await terminal.see(/root@[\s\S]*[#$] $/, 180_000);
    terminal.type("x=kept\r");
    await terminal.see(/[#$] $/);
    await home().ok(["daemon", "stop"]);
    terminal.type("echo =$x=; exit 6\r");
    await terminal.see(/=kept=\r/, 60_000);
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

  test("a socket left by a dead daemon does not prevent the start", async () => {
    await home().killDaemon();
    expect(await list()).toEqual([]);
  });

  test("a daemon of another version is reported as such, with the command to type; what began before it continues", async () => {
    const script = "echo ready; read -r line; echo got $line; exit 4";
    const child = home().spawn(["vm", "run", "--rm", "--wait=agent", "--", "sh", "-c", script]);
    const lines = linesOf(child.stdout);
    expect((await lines.next()).value).toBe("ready");
    // it would start a daemon of its own version
    child.kill("SIGSTOP");
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
    child.kill("SIGCONT");
    child.stdin.write("on\n");
    await child.stdin.flush();
    expect((await lines.next()).value).toBe("got on");
    expect(await child.exited).toBe(4);
    expect(vmm()).toEqual([]);
    await home().ok(["daemon", "stop"]);
    expect(await other.exited).toBe(0);
    expect(await list()).toEqual([]);
  }, 240_000);
});

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Every listed VM is in a stable state, all can be deleted, and then nothing is left. */
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

/** A `bangerd` that claims version 9.9.9. */
async function otherVersion(home: Home): Promise<string> {
  const folder = join(home.folder, "other");
  mkdirSync(folder);
  const argv = [
    process.execPath,
    "build",
    "src/bin/banger.ts",
    "--compile",
    "--format=esm",
    "--external=cpu-features",
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
