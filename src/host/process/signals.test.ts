import { expect, test } from "bun:test";

const script = `
  import { onSignals } from "${import.meta.dir}/signals.ts";
  const heard = [];
  const stop = onSignals((signal) => {
    heard.push(signal);
    if (signal !== "USR1") return;
    stop();
    console.log(heard.join(" "));
  });
  process.kill(process.pid, "SIGHUP");
  process.kill(process.pid, "SIGUSR1");
`;

for (const [name, trap, heard] of [
  ["signals are told by their names", "", "HUP USR1\n"],
  ["a hangup that was ignored at the start stays ignored", "trap '' HUP; ", "USR1\n"],
] as const) {
  test(name, () => {
    const run = Bun.spawnSync(["sh", "-c", `${trap}exec "$0" -e "$1"`, process.execPath, script]);
    expect(run.stderr.toString()).toBe("");
    expect(run.stdout.toString()).toBe(heard);
    expect(run.exitCode).toBe(0);
  });
}
