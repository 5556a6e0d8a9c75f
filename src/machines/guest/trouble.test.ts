import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import type { StateEvent } from "../../model/event.ts";
import type { VmTrouble } from "../../model/vm.ts";
import { recorder, startDaemon } from "../testing/daemon.ts";
import { Life } from "../testing/life.ts";
import { request, running, saving, services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";
import { withTrouble } from "./trouble.ts";

const lost = { kind: "network-lost", reason: "the process that carries its network has ended" } as const;

test("a trouble is stored, reported and logged once, outlives the daemon, and ends with the next start", async () => {
  const { host, machines, emit, signal, run } = await setUp();
  const vm = await run("one");
  const events: StateEvent[] = [];
  machines.subscribe((event) => void events.push(event));
  const inWorld = running(host, vm);
  for (let times = 0; times < 3; times++) inWorld.onTrouble(lost);
  const kept = [{ ...lost, next: expect.stringContaining("banger vm restart one"), at: expect.any(Number) }];
  expect(machines.find("one")).toMatchObject({ state: "running", troubles: kept });
  expect(events).toEqual([
    { kind: "state", id: vm.id, name: vm.name, state: "running", reason: lost.reason, trouble: "network-lost" },
  ]);
  assertTruth(host, "trouble");
  machines.release();
  const next = await startDaemon(host);
  expect(next.find("one").troubles).toEqual(kept as never);
  running(host, vm).onTrouble({ kind: "memory-failure", reason: "x" });
  expect(next.find("one").troubles.map(({ kind }) => kind)).toEqual(["network-lost", "memory-failure"]);
  expect(await next.restart("one", services, emit, signal)).toMatchObject({ state: "running", troubles: [] });
});

/** A store that can't be written to while `isFull`. */
class FullStore extends Life {
  isFull = false;

  override call(name: string, run: () => unknown): unknown {
    if (this.isFull && name === "store.vms.change") throw fail("DISK_FULL", { path: "/s", during: "writing" });
    return super.call(name, run);
  }
}

test("a trouble that can't be stored is logged, and its VM stays under control; the next one is stored", async () => {
  const log = memoryLogger();
  const life = new FullStore();
  const host = saving();
  const machines = await startDaemon(host, life, { log });
  const { emit, signal } = recorder();
  const { vm } = await machines.create(request("one"), services, emit, signal);
  const inWorld = running(host, vm);
  life.isFull = true;
  // it would end the monitor if it threw: `wire/qmp/client.ts`
  expect(() => inWorld.onTrouble(lost)).not.toThrow();
  expect(log.lines.join("\n")).toMatch(/can't be noted.*network-lost.*no space|can't be noted.*network-lost.*full/);
  life.isFull = false;
  expect(machines.find("one")).toMatchObject({ state: "running", troubles: [] });
  inWorld.onTrouble(lost);
  expect(machines.find("one").troubles.map(({ kind }) => kind)).toEqual(["network-lost"]);
  await machines.stop("one", {}, emit);
});

test("a VM that has ended has no more troubles", async () => {
  const { host, machines, emit, run } = await setUp();
  const inWorld = running(host, await run("one"));
  await machines.stop("one", {}, emit);
  inWorld.onTrouble(lost);
  expect(machines.find("one").troubles).toEqual([]);
});

const at = (kind: VmTrouble["kind"], ms: number): VmTrouble => ({ kind, reason: "r", next: "n", at: ms });

test.each([
  ["the first", [], at("reset", 5), [at("reset", 5)]],
  ["the same a moment later", [at("reset", 5)], at("reset", 60_004), null],
  ["the same a minute later", [at("reset", 5)], at("reset", 60_005), [at("reset", 60_005)]],
  ["the same after the clock was set back", [at("reset", 5)], at("reset", 4), [at("reset", 4)]],
  ["another", [at("reset", 5)], at("watchdog", 6), [at("reset", 5), at("watchdog", 6)]],
  [
    "one that was there before another",
    [at("reset", 5), at("watchdog", 6)],
    at("reset", 70_000),
    [at("watchdog", 6), at("reset", 70_000)],
  ],
] as [string, VmTrouble[], VmTrouble, VmTrouble[] | null][])("%s", (_, known, trouble, kept) => {
  expect(withTrouble(known, trouble)).toEqual(kept);
});
