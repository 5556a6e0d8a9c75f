/**
 * A daemon that dies at every single call that it makes, journal steps included, in each operation; the next daemon must make
 * the list of VMs true again and leave nothing over. "Before" is a death before the call's effect, "after" one after it.
 */
import { expect, test } from "bun:test";
import type { VmState } from "../../model/vm.ts";
import type { Machines } from "../machines.ts";
import { type Host, newHost, recorder, startDaemon } from "./daemon.ts";
import { goodGuest } from "./guest.ts";
import { Life } from "./life.ts";
import { assertTruth } from "./truth.ts";

export const agent = { wait: "agent" } as const;
export const { emit, signal } = recorder();
export const create = (machines: Machines, start: boolean, ephemeral = false) =>
  machines.create({ name: "web", ephemeral }, start ? agent : null, emit, signal);

export type Operation = {
  name: string;
  /** by a daemon that stays alive */
  before: (machines: Machines) => Promise<unknown>;
  run: (machines: Machines, host: Host) => Promise<unknown>;
  /** the VMM can save VMs */
  saves?: boolean;
  /** copies of files can share blocks */
  sharesBlocks?: boolean;
  /** a VM is kept warm */
  keepsWarm?: boolean;
  /** states in which the VM can be found afterwards; `gone`: it does not exist */
  leaves: (VmState | "gone")[];
};

export const nothing = async () => {};
export const created = (machines: Machines) => create(machines, false);
export const started = (machines: Machines) => create(machines, true);

/** Timeout of one test in `ms`: it runs a daemon's whole life for each call, and takes some 7 s of CPU. */
const limitMs = 60_000;

/** Tests of a death at every call of every operation. */
export function testDeaths(operations: readonly Operation[]): void {
  for (const operation of operations) {
    for (const when of ["before", "after"] as const) {
      test(
        `${operation.name}: dying ${when} each call`,
        async () => {
          let calls = 0;
          for (let dieAt = 1; ; dieAt++) {
            const life = await story(operation, dieAt, when);
            if (!life.dead) break;
            calls = dieAt;
          }
          expect(calls).toBeGreaterThan(0);
        },
        limitMs,
      );
    }
  }

  test("dying repeatedly while reconciling still ends in a true state", async () => {
    for (const operation of operations) {
      for (const dieAt of [3, 9, 15]) {
        const host = newHost();
        host.world.canSave = operation.saves ?? false;
        const first = await startDaemon(host);
        await operation.before(first);
        const life = new Life();
        first.release();
        const second = await startDaemon(host, life);
        await Promise.race([
          operation.run(second, host).catch((error: unknown) => error),
          life.dieAfter(dieAt, "after"),
        ]);
        life.die();
        for (let again = 1; again < 12; again++) {
          const short = new Life();
          const death = short.dieAfter(again, "before");
          const next = await startDaemon(host, short);
          await Promise.race([next.idle(), death]);
          short.die();
        }
        await truthAfter(
          host,
          { ...operation, leaves: ["gone", "stopped", "running", "paused", "suspended"] },
          `${operation.name} ${dieAt}, and again`,
        );
      }
    }
  });
}

/** One run: a daemon that stays alive, one that dies at call `dieAt`, and one that reconciles. */
async function story(operation: Operation, dieAt: number, when: "before" | "after"): Promise<Life> {
  const host = newHost();
  host.world.canSave = operation.saves ?? false;
  host.world.sharesBlocks = operation.sharesBlocks ?? false;
  host.world.keepsWarm = operation.keepsWarm ?? false;
  const first = await startDaemon(host);
  await operation.before(first);
  await first.idle();
  first.release();

  const life = new Life();
  const second = await startDaemon(host, life);
  await second.idle();
  const dying = life.dieAfter(dieAt, when);
  await Promise.race([operation.run(second, host).catch((error: unknown) => error), dying]);

  await truthAfter(host, operation, `${operation.name}, ${life.lastCall || "not at all"} (${dieAt})`);
  return life;
}

async function truthAfter(host: Host, operation: Operation, context: string): Promise<void> {
  host.world.guest = { ...goodGuest };
  const machines = await startDaemon(host);
  await machines.idle();
  const [left] = machines.all();
  if (left?.ephemeral) await deleted(machines);
  await machines.idle();
  await machines.retire();
  assertTruth(host, context);
  expect([context, machines.all()[0]?.state ?? "gone"]).toEqual([
    context,
    expect.stringMatching(new RegExp(`^(${operation.leaves.join("|")})$`)),
  ]);
  await usable(machines, host, context);
}

function deleted(machines: Machines): Promise<void> {
  return new Promise((resolve) => void machines.subscribe((event) => event.reason === "deleted" && resolve()));
}

/** Every VM that is left can be used and deleted. */
async function usable(machines: Machines, host: Host, context: string): Promise<void> {
  const vm = machines.all()[0];
  if (vm?.state === "stopped" || vm?.state === "suspended") await machines.start(vm.name, agent, emit, signal);
  for (const { name } of machines.all()) await machines.delete(name);
  if (vm) {
    // its name is free again
  } else if ((await machines.images()).length + (await machines.kernels()).length === 2) await create(machines, true);
  await machines.idle();
  assertTruth(host, `${context}, then used`);
  machines.release();
}
