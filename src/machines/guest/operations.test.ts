/** One operation at a time on each VM, in the order of arrival. */
import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import type { VmId, VmName } from "../../base/names.ts";
import { Interrupted, Operations } from "./operations.ts";

const vm = { id: "aaaaaaaa" as VmId, name: "one" as VmName };

/** An operation that records its beginning and ends when the test ends it. */
function body(log: string[], name: string) {
  const [begun, end] = [new Deferred<void>(), new Deferred<void>()];
  const run = async () => {
    log.push(`${name} begins`);
    begun.resolve();
    await end.promise;
    log.push(`${name} ends`);
  };
  return { run, begun: begun.promise, end: () => end.resolve() };
}

const refused = (state: string) => ({ code: "VM_STATE", details: { state } });

test("an operation that runs refuses the next one, and names itself", async () => {
  const operations = new Operations();
  const one = body([], "one");
  const running = operations.run(vm, "suspend", one.run);
  await one.begun;
  expect(operations.busyWith(vm.id)).toBe("suspend");
  await expect(operations.run(vm, "start", async () => {})).rejects.toMatchObject(refused("being suspended"));
  one.end();
  await running;
  expect(operations.busyWith(vm.id)).toBeNull();
  expect(await operations.run(vm, "start", async () => "ran")).toBe("ran");
});

test("a queued operation that has not begun refuses the next one as well", async () => {
  const operations = new Operations();
  const one = body([], "one");
  const queued = operations.queue(vm.id, "start", one.run);
  expect(operations.isBeginning(vm.id)).toBe(true);
  await expect(operations.run(vm, "start", async () => {})).rejects.toMatchObject(refused("busy"));
  one.end();
  await queued;
  expect(operations.isBeginning(vm.id)).toBe(false);
});

test("the daemon's own operations are waited for, unless the VM's VMM does not answer", async () => {
  const unreachable = new Map<VmId, Error>();
  const operations = new Operations(unreachable);
  const log: string[] = [];
  const own = body(log, "own");
  const reconciling = operations.queue(vm.id, "reconcile", own.run);
  await own.begun;
  const silent = new Error("it does not answer");
  unreachable.set(vm.id, silent);
  await expect(operations.run(vm, "stop", async () => {})).rejects.toBe(silent);
  unreachable.clear();
  const asked = operations.run(vm, "stop", async () => void log.push("stopped"));
  await expect(operations.run(vm, "save", async () => {})).rejects.toMatchObject(refused("not ready yet"));
  own.end();
  await Promise.all([reconciling, asked]);
  expect(log).toEqual(["own begins", "own ends", "stopped"]);
  // nothing runs: whether the VMM answers is the operation's concern
  unreachable.set(vm.id, silent);
  expect(await operations.run(vm, "kill", async () => "killed")).toBe("killed");
});

test("when one ends, nothing slips in before the queued one, and later ones wait for that", async () => {
  const operations = new Operations();
  const log: string[] = [];
  const [one, two, three] = ["one", "two", "three"].map((name) => body(log, name)) as [
    ReturnType<typeof body>,
    ReturnType<typeof body>,
    ReturnType<typeof body>,
  ];
  const first = operations.run(vm, "start", one.run);
  await one.begun;
  const second = operations.queue(vm.id, "stop", two.run);
  const late = one.begun.then(() => {
    one.end();
    return first.then(() => operations.run(vm, "rename", async () => void log.push("slipped in")));
  });
  await expect(late).rejects.toMatchObject({ code: "VM_STATE" });
  await two.begun;
  const third = operations.queue(vm.id, "reconcile", three.run);
  await new Promise(setImmediate);
  expect(log).toEqual(["one begins", "one ends", "two begins"]);
  two.end();
  three.end();
  await Promise.all([second, third]);
  expect(log).toEqual(["one begins", "one ends", "two begins", "two ends", "three begins", "three ends"]);
});

test("a preempting operation interrupts the running one and runs after it", async () => {
  const operations = new Operations();
  const log: string[] = [];
  const begun = new Deferred<void>();
  const running = operations.run(vm, "start", async (interrupted) => {
    begun.resolve();
    await new Promise<void>((resolve) => interrupted.addEventListener("abort", () => resolve()));
    log.push(String(interrupted.reason instanceof Interrupted), "undone");
  });
  await begun.promise;
  await operations.preempt(vm.id, "delete", async () => void log.push("deleted"));
  await running;
  expect(log).toEqual(["true", "undone", "deleted"]);
});

test.each([1, 2])("a preempting operation interrupts %i queued ones, also if an earlier one ended", async (count) => {
  const operations = new Operations();
  const log: string[] = [];
  const one = body(log, "one");
  const first = operations.run(vm, "start", one.run);
  const untilInterrupted = async (interrupted: AbortSignal) => {
    if (!interrupted.aborted) await new Promise((resolve) => interrupted.addEventListener("abort", resolve));
    log.push("interrupted");
  };
  const waiting = Array.from({ length: count }, () => operations.queue(vm.id, "reconcile", untilInterrupted));
  await one.begun;
  one.end();
  await first;
  await operations.preempt(vm.id, "delete", async () => void log.push("deleted"));
  await Promise.all(waiting);
  expect(log).toEqual(["one begins", "one ends", ...Array(count).fill("interrupted"), "deleted"]);
});

test("preempting calls its callback only if another operation is running", async () => {
  const operations = new Operations();
  let cuts = 0;
  await operations.preempt(
    vm.id,
    "kill",
    async () => {},
    () => void cuts++,
  );
  expect(cuts).toBe(0);
  const one = body([], "one");
  const running = operations.run(vm, "start", one.run);
  await operations.preempt(
    vm.id,
    "kill",
    async () => {},
    () => {
      cuts++;
      one.end();
    },
  );
  await running;
  expect(cuts).toBe(1);
});

test("a failed operation lets the next one run; VMs do not wait for each other", async () => {
  const operations = new Operations();
  await expect(operations.run(vm, "start", () => Promise.reject(new Error("no luck")))).rejects.toThrow("no luck");
  const one = body([], "one");
  const running = operations.run(vm, "start", one.run);
  await one.begun;
  const other = { id: "bbbbbbbb" as VmId, name: "two" as VmName };
  expect(await operations.run(other, "start", async () => "ran")).toBe("ran");
  one.end();
  await running;
});
