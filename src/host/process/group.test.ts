import { expect, test } from "bun:test";
import { spawnGroup } from "./group.ts";

test("children end with the first process, even those that ignore the first signal", async () => {
  const group = spawnGroup(["sh", "-c", "(trap '' INT; exec sleep 600) & echo ready; exec sleep 600"]);
  const stdout = group.stdout[Symbol.asyncIterator]();
  await stdout.next();
  await group.interrupt();
  expect((await group.done).signal).toBe("SIGINT");
  // The pipe ends when the last process that could write to it is gone.
  expect((await stdout.next()).done).toBe(true);
});

test("an abort interrupts, and a program may clean up", async () => {
  const cancel = new AbortController();
  const script = "trap 'echo cleaned; exit 3' INT; echo ready; while :; do sleep 0.05; done";
  const group = spawnGroup(["sh", "-c", script], { signal: cancel.signal });
  let said = "";
  for await (const chunk of group.stdout) {
    said += Buffer.from(chunk).toString();
    cancel.abort();
  }
  expect(said).toBe("ready\ncleaned\n");
  expect(await group.done).toEqual({ exitCode: 3, signal: null });
});

test("one that does not end is killed after the grace period", async () => {
  const group = spawnGroup(["sh", "-c", "trap '' INT; echo ready; while :; do sleep 0.05; done"], { graceMs: 50 });
  await group.stdout[Symbol.asyncIterator]().next();
  await group.interrupt();
  expect((await group.done).signal).toBe("SIGKILL");
});

test("a missing program shows its status, and interrupting an ended group is harmless", async () => {
  const group = spawnGroup(["/nowhere/program"]);
  expect((await group.done).exitCode).toBe(127);
  await group.interrupt();
});
