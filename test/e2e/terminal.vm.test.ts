/** Terminals, users and jobs: a command in a VM behaves as it does under ssh or docker. */
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { programs } from "./home.ts";
import { until } from "./processes.ts";
import { onTerminal } from "./pty.ts";

vmSuite("term", (home) => {
  const exec = (args: string[], input?: string) =>
    home().banger(["vm", "exec", ...args], { timeoutMs: 60_000, ...(input === undefined ? {} : { input }) });

  beforeAll(async () => {
    await home().ok(["vm", "run", "--name", "a", "--detach"]);
    await home().ok(["vm", "exec", "a", "--", "useradd", "-m", "-s", "/bin/bash", "dev"]);
  }, 240_000);

  test("stdout, stderr and the terminal belong to the command's user", async () => {
    const script = "echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin >/dev/stdout";
    expect(await exec(["-u", "dev", "a", "--", "sh", "-c", script], "in\n")).toMatchObject({
      code: 0,
      stdout: "out\nin\n",
      stderr: "err\n",
    });
    const onTty = await exec(["-t", "-u", "dev", "a", "--", "sh", "-c", 'echo mine >"$(tty)"; stat -c %U "$(tty)"']);
    expect([onTty.code, onTty.stdout]).toEqual([0, "mine\r\ndev\r\n"]);
  }, 120_000);

  test("a TERM that the guest does not know is replaced by one that it knows; --env overrides it", async () => {
    const env = { TERM: "xterm-nosuch", COLORTERM: "truecolor" };
    const ask = ["-t", "a", "--", "sh", "-c", "tput colors; echo $TERM $COLORTERM"];
    expect((await home().banger(["vm", "exec", ...ask], { env })).stdout).toBe("256\r\nxterm-256color truecolor\r\n");
    const said = ["-t", "-e", "TERM=odd", "a", "--", "sh", "-c", "echo $TERM"];
    expect((await home().banger(["vm", "exec", ...said], { env })).stdout).toBe("odd\r\n");
  }, 60_000);

  test("a terminal delivers the end of a pipe to its reader", async () => {
    expect(await exec(["-t", "a", "--", "cat"], "text\n")).toMatchObject({ code: 0, stdout: "text\r\ntext\r\n" });
    expect(await exec(["-t", "a", "--", "cat"], "no end of line")).toMatchObject({ code: 0 });
    expect(await exec(["-t", "a", "--", "sh", "-c", "cat; cat; echo two"], "")).toMatchObject({
      code: 0,
      stdout: "two\r\n",
    });
    // a shell changes the terminal's mode before it reads
    expect(await exec(["-t", "a", "--", "bash", "-i"], "")).toMatchObject({ code: 0 });
  }, 120_000);

  test("signals reach the command", async () => {
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGALRM"] as const) {
      const script = `trap 'echo got; exit 7' ${signal.slice(3)}; echo ready; while :; do sleep 0.1; done`;
      const child = home().spawn(["vm", "exec", "a", "--", "bash", "-c", script]);
      const reader = child.stdout.getReader();
      await reader.read();
      child.kill(signal);
      expect([await child.exited, new TextDecoder().decode((await reader.read()).value)]).toEqual([7, "got\n"]);
    }
  }, 120_000);

  test("--no-stdin leaves a loop's input to the loop", async () => {
    const script = 'while read -r line; do "$0" vm exec -n a -- echo "$line"; done';
    const loop = Bun.spawn(["sh", "-c", script, join(programs, "banger")], {
      env: home().env,
      stdin: new TextEncoder().encode("one\ntwo\nthree\n"),
      stdout: "pipe",
    });
    expect(await loop.stdout.text()).toBe("one\ntwo\nthree\n");
  }, 60_000);

  test("a terminal that disappears without SIGHUP ends the session's command", async () => {
    const child = Bun.spawn(["sh", "-c", 'trap "" HUP; exec "$0" vm exec a -- sleep 4242', join(programs, "banger")], {
      env: home().env,
      terminal: { data() {} },
    });
    const runs = async () => (await exec(["a", "--", "pgrep", "-f", "^sleep 4242$"])).code === 0;
    await until("it runs", runs);
    child.terminal?.close();
    expect(await child.exited).toBe(129);
    expect(await runs()).toBe(false);
  }, 60_000);

  test("in the background of a terminal it runs: timeout(1), and a job of a shell", async () => {
    const banger = join(programs, "banger");
    const shell = onTerminal(home(), [], { cols: 200, rows: 24 }, ["bash", "--norc", "-i"]);
    await shell.see(/\$ $|# $/);
    shell.type(`timeout 30 ${banger} vm exec a -- echo h""i; echo st=$?\r`);
    await shell.see(/hi\r\n[\s\S]*st=0\r\n/, 30_000);
    shell.type(`${banger} vm exec a -- echo th""ere &\r`);
    await shell.see(/there\r\n/, 30_000);
    shell.type("jobs; wait; exit 4\r");
    expect(await shell.exited).toBe(4);
    expect(shell.text()).not.toContain("Stopped");
  }, 120_000);
});
