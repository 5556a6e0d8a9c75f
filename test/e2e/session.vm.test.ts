/** How `vm run` ends: with `--rm` the VM is deleted however the session ends, without it the VM stays. */
import { expect, test } from "bun:test";
import { vmSuite } from "./harness.ts";
import type { Home } from "./home.ts";
import { until } from "./processes.ts";
import { onTerminal } from "./pty.ts";

type Listed = { name: string; state: string };

vmSuite("session", (home) => {
  const names = async () => (await home().json<Listed[]>(["vm", "ls"])).map((vm) => vm.name);

  test("--rm: prints the spec first, returns the command's status and leaves nothing", async () => {
    const done = await home().banger(["vm", "run", "--rm", "--wait=agent", "--", "sh", "-c", "echo hello; exit 3"]);
    expect(done.code).toBe(3);
    expect(done.stdout).toBe("hello\n");
    expect(done.stderr.split("\n")[0]).toMatch(
      /^spec: \d+ vcpu, [\d.]+ GiB memory, 8 GiB disk, image debian-bookworm, kernel /,
    );
    await nothingLeft(home());
  }, 240_000);

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    test(`--rm: ${signal} is forwarded to the guest's command, and the VM is deleted with it`, async () => {
      const child = home().spawn([
        "vm",
        "run",
        "--rm",
        "--wait=agent",
        "--",
        "sh",
        "-c",
        "echo ready; exec sleep 1000",
      ]);
      await firstBytes(child.stdout);
      child.kill(signal);
      expect(await child.exited).toBe(status);
      await nothingLeft(home());
    }, 240_000);
  }

  test("--rm: a command that ignores the signal is left after 5 s", async () => {
    const script = 'trap "" TERM INT HUP; echo ready; while :; do sleep 1; done';
    const child = home().spawn(["vm", "run", "--rm", "--wait=agent", "--", "sh", "-c", script]);
    await firstBytes(child.stdout);
    const begun = Date.now();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(Date.now() - begun).toBeGreaterThan(4000);
    expect(Date.now() - begun).toBeLessThan(15_000);
    await nothingLeft(home());
  }, 240_000);

  test("--rm: killing the CLI with SIGKILL deletes the VM", async () => {
    const child = home().spawn(["vm", "run", "--rm", "--wait=agent", "--", "sh", "-c", "echo ready; exec sleep 1000"]);
    await firstBytes(child.stdout);
    child.kill("SIGKILL");
    await child.exited;
    await until("the VM is gone", async () => (await names()).length === 0);
    await nothingLeft(home());
  }, 240_000);

  test("--rm: a signal while the VM boots cancels and cleans up", async () => {
    const child = home().spawn(["vm", "run", "--rm", "--wait=agent", "--", "true"]);
    await until(
      "the VMM runs",
      () =>
        home()
          .processes()
          .some((item) => item.name.startsWith("qemu")),
      60_000,
    );
    child.kill("SIGTERM");
    expect(await child.exited).not.toBe(0);
    await until("the VM is gone", async () => (await names()).length === 0);
    await nothingLeft(home());
  }, 240_000);

  test("without --rm a lost session leaves the VM running, and prints how to return and clean up", async () => {
    const child = home().spawn([
      "vm",
      "run",
      "--name",
      "kept",
      "--wait=agent",
      "--",
      "sh",
      "-c",
      "echo ready; exec sleep 1000",
    ]);
    await firstBytes(child.stdout);
    child.kill("SIGINT");
    const said = await new Response(child.stderr).text();
    expect(await child.exited).toBe(130);
    expect(said).toContain("banger vm ssh kept");
    expect(said).toContain("banger vm delete kept");
    expect(await home().json<Listed>(["vm", "show", "kept"])).toMatchObject({ state: "running" });
    expect((await home().ok(["vm", "exec", "kept", "--", "echo", "back"])).stdout).toBe("back\n");
    await home().ok(["vm", "delete", "kept"]);
    await nothingLeft(home());
  }, 240_000);

  test("on a terminal, without a command: a shell in the VM, whose status is returned", async () => {
    const terminal = onTerminal(home(), ["vm", "run", "--rm", "--wait=agent"]);
    await terminal.see(/spec: /);
    await terminal.see(/root@[\s\S]*[#$] $/, 180_000);
    terminal.type("tty && cat /proc/1/comm\r");
    await terminal.see(/\/dev\/pts\/\d+\r+\nsystemd\r+\n/);
    terminal.type("exit 5\r");
    expect(await terminal.exited).toBe(5);
    await nothingLeft(home());
  }, 240_000);

  test("--detach returns at once with a VM that runs the command", async () => {
    await home().ok([
      "vm",
      "run",
      "--name",
      "d",
      "--detach",
      "--wait=agent",
      "--",
      "sh",
      "-c",
      "echo $$ >/root/pid; exec sleep 1000",
    ]);
    await until(
      "the command runs",
      async () => (await home().banger(["vm", "exec", "d", "--", "sh", "-c", "kill -0 $(cat /root/pid)"])).code === 0,
    );
    await home().ok(["vm", "delete", "d"]);
    await nothingLeft(home());
  }, 240_000);
});

/** No VM, no process except the daemon's, no file of a VM. */
async function nothingLeft(home: Home): Promise<void> {
  expect(await home.json<Listed[]>(["vm", "ls"])).toEqual([]);
  await until(
    "only the daemon is left",
    () => home.processes().every((item) => item.name.startsWith("bangerd")),
    10_000,
  ).catch(() => {
    expect(home.processes().map((item) => item.name)).toEqual(["bangerd"]);
  });
  expect(home.vmFiles()).toEqual([]);
}

async function firstBytes(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (done) throw new Error("the command ended before it said anything");
}
