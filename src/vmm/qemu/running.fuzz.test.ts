/** A QEMU that was taken over says anything on its monitor: its VM ends or runs on, and no exception leaves the driver. */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { BangerError } from "../../base/errors/error.ts";
import { patience, runs } from "../../base/testing/budget.ts";
import { strangeTexts } from "../../base/testing/strange.ts";
import { oneLine } from "../../base/untrusted-text.ts";
import { processRef } from "../../host/process/children.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { connectQmp } from "../../wire/qmp/client.ts";
import type { VmmStop, VmmTrouble } from "../driver.ts";
import { makeTempFolder } from "../testing/temp.ts";
import { knownEvents } from "./events.ts";
import { RunningQemu } from "./running.ts";

const folders = makeTempFolder("fuzz");
afterAll(() => folders.remove());
const directory = await folders.make("vm");
/** of a process that has ended: no signal reaches anyone */
const ended = await (async () => {
  const child = Bun.spawn(["sleep", "600"]);
  const ref = processRef(child.pid);
  child.kill("SIGKILL");
  await child.exited;
  if (!ref) throw new Error("the process was not there");
  return ref;
})();

const strange = fc.constantFrom(
  ...strangeTexts,
  ...["report", "stop", "ignore", "run", "io-error", "internal-error", "suspended", "guest-shutdown", "guest"].map(
    (word) => JSON.stringify(word),
  ),
);
const object = (names: readonly string[]) =>
  fc
    .array(fc.tuple(fc.constantFrom(...names), strange), { maxLength: 4 })
    .map((pairs) => `{${pairs.map(([name, value]) => `"${name}":${value}`).join(",")}}`);
const data = object([
  ...["reason", "action", "recipient", "guest", "nospace", "device", "node-name", "operation", "msg"],
  ...["status", "io-status", "desc", "class"],
]);
const anyName = fc.constantFrom(...knownEvents, "toString", "__proto__", "BLOCK_JOB_ERROR", "");
const event = fc
  .tuple(anyName, fc.oneof({ weight: 4, arbitrary: data }, { weight: 1, arbitrary: strange }))
  .map(([name, value]) => `{"event":${JSON.stringify(name)},"data":${value}}`);
/** answers of which one may fit a command: the first has the id 2 */
const answer = fc
  .tuple(fc.constantFrom("return", "error"), fc.oneof(data, strange), fc.oneof(fc.integer({ max: 6 }), strange))
  .map(([kind, value, id]) => `{"${kind}":${value},"id":${id}}`);
const greeting = strange.map((value) => `{"QMP":{"version":${value}}}`);
const line = fc.oneof(
  { weight: 5, arbitrary: event },
  { weight: 5, arbitrary: answer },
  { weight: 1, arbitrary: fc.oneof(greeting, data) },
);

/** Sends the lines, and answers each command with the next of `answers`. */
async function play(lines: readonly string[], answers: readonly string[]) {
  const [ours, theirs] = memoryPair();
  const left = [...answers];
  const send = (text: string) => void theirs.write(Buffer.from(`${text}\n`));
  theirs.onData((chunk) => {
    for (const command of Buffer.from(chunk).toString().split("\n")) {
      if (command === "") continue;
      const { id, execute } = JSON.parse(command) as { id: number; execute: string };
      if (execute === "qmp_capabilities") send(`{"return":{},"id":${id}}`);
      else send(`{"return":${left.shift() ?? "{}"},"id":${id}}`);
    }
  });
  send('{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0}}}}');
  const qmp = await connectQmp(ours);
  const record = { driver: "qemu" as const, version: "7.2.0", accel: "tcg" as const, process: ended, directory };
  const hostFacts = () => Promise.reject(new Error("not asked for"));
  const vm = new RunningQemu({ record, qmp, exited: null, agentUsed: false, stopped: null, hostFacts });
  for (const one of lines) send(one);
  return { vm, end: () => theirs.end() };
}

/** Words of a VMM that can be shown. */
function expectPlain(text: unknown): void {
  expect(typeof text).toBe("string");
  expect(text).toBe(oneLine(text as string));
  expect((text as string).length).toBeLessThan(1000);
}

const stops: readonly string[] = ["disk-full", "file-limit", "io-error", "vmm-error"] satisfies VmmStop["kind"][];
const troubles = ["network-lost", "disk-error", "memory-failure", "watchdog", "guest-panic", "reset"];
const exits = ["poweroff", "halt", "reboot", "panic", "killed", "vmm-died"];

test(
  "a VMM says anything",
  async () => {
    const some = { maxLength: 12 };
    const scripts = fc.tuple(fc.array(line, some), fc.array(fc.oneof(data, strange), some), fc.boolean());
    await fc.assert(
      fc.asyncProperty(scripts, async ([lines, answers, isLate]) => {
        const { vm, end } = await play(lines, answers);
        const seen: (VmmStop | VmmTrouble)[] = [];
        vm.onStopped((stop) => {
          expect(stops).toContain(stop.kind);
          seen.push(stop);
        });
        if (isLate) await Promise.resolve();
        vm.onTrouble((trouble) => {
          expect(troubles).toContain(trouble.kind);
          seen.push(trouble);
        });
        for (const command of [() => vm.pause(), () => vm.powerdown(), () => vm.resume()]) {
          const failure = await command().catch((error: unknown) => error);
          if (failure !== undefined) expect(failure).toBeInstanceOf(BangerError);
        }
        const stopped = vm.stopped();
        if (stopped) seen.push(stopped);
        end();
        const exit = await vm.wait();
        expect(exits).toContain(exit.kind);
        if ("reason" in exit) expectPlain(exit.reason);
        for (const { reason } of seen) expectPlain(reason);
      }),
      { numRuns: runs(15) },
    );
  },
  patience,
);
