/**
 * The daemon dies at every single thing that it does, journal steps included, in each operation; the next one must make
 * the list of VMs true again and leave nothing over. "Before" is a death with that thing undone, "after" with it done.
 */
import { expect, test } from "bun:test";
import type { VmState } from "../model/vm.ts";
import type { Machines } from "./machines.ts";
import { type Host, newHost, paths, recorder, startDaemon } from "./testing/daemon.ts";
import { Life } from "./testing/life.ts";
import { assertTruth } from "./testing/truth.ts";

const agent = { wait: "agent" } as const;
const { emit, signal } = recorder();
const create = (machines: Machines, start: boolean, ephemeral = false) =>
  machines.create({ name: "web", ephemeral }, start ? agent : null, emit, signal);

type Operation = {
  name: string;
  /** by a daemon that lives */
  before: (machines: Machines) => Promise<unknown>;
  run: (machines: Machines, host: Host) => Promise<unknown>;
  /** the VMM can save VMs */
  saves?: boolean;
  /** states in which the VM may be found afterwards; `gone`: there is none */
  leaves: (VmState | "gone")[];
};

const nothing = async () => {};
const created = (machines: Machines) => create(machines, false);
const started = (machines: Machines) => create(machines, true);

const operations: Operation[] = [
  { name: "create", before: nothing, run: (m) => create(m, false), leaves: ["gone", "stopped"] },
  { name: "create and start", before: nothing, run: (m) => create(m, true), leaves: ["gone", "stopped", "running"] },
  { name: "create with a lease", before: nothing, run: (m) => create(m, true, true), leaves: ["gone"] },
  { name: "start", before: created, run: (m) => m.start("web", agent, emit, signal), leaves: ["stopped", "running"] },
  { name: "stop", before: started, run: (m) => m.stop("web", {}, emit), leaves: ["running", "stopped"] },
  { name: "kill", before: started, run: (m) => m.kill("web"), leaves: ["running", "stopped"] },
  { name: "restart", before: started, run: (m) => m.restart("web", agent, emit, signal), leaves: ["running"] },
  { name: "delete", before: started, run: (m) => m.delete("web"), leaves: ["running", "gone"] },
  { name: "delete of a stopped VM", before: created, run: (m) => m.delete("web"), leaves: ["stopped", "gone"] },
  { name: "delete of an image", before: nothing, run: dropBoth, leaves: ["gone"] },
  { name: "rename", before: created, run: (m) => m.rename("web", "web"), leaves: ["stopped"] },
  {
    name: "a guest's reboot",
    before: started,
    run: (m, host) => guestEnds(m, host, "reboot"),
    leaves: ["running"],
  },
  {
    name: "a guest's poweroff",
    before: started,
    run: (m, host) => guestEnds(m, host, "poweroff"),
    leaves: ["stopped"],
  },
];

const named = (machines: Machines, name: string, start = true) =>
  machines.create({ name, ephemeral: false }, start ? agent : null, emit, signal);
const suspended = (machines: Machines) => started(machines).then(() => machines.suspend("web", emit, signal));
const kept = (machines: Machines) => started(machines).then(() => machines.snapshot("web", "s", emit, signal));
const templated = async (machines: Machines) => {
  await named(machines, "other");
  await machines.idle();
  await machines.delete("other");
};

operations.push(
  ...(
    [
      {
        name: "the first VM, with its template",
        before: nothing,
        run: started,
        leaves: ["gone", "stopped", "running"],
      },
      { name: "a VM of a template", before: templated, run: started, leaves: ["gone", "stopped", "running"] },
      {
        name: "a VM of a template that is damaged",
        before: templated,
        run: async (m, host) => {
          for (const { key } of m.templates()) host.world.paths.set(paths.template(key).state, "{");
          return started(m);
        },
        leaves: ["gone", "stopped", "running"],
      },
      {
        name: "a template's removal",
        before: templated,
        run: async (m) => Promise.all(m.templates().map(({ key }) => m.deleteTemplate(key))),
        leaves: ["gone"],
      },
      { name: "pause", before: started, run: (m) => m.pause("web"), leaves: ["running", "paused"] },
      {
        name: "resume",
        before: (m) => started(m).then(() => m.pause("web")),
        run: (m) => m.resume("web"),
        leaves: ["running", "paused"],
      },
      {
        name: "suspend",
        before: started,
        run: (m) => m.suspend("web", emit, signal),
        leaves: ["running", "suspended"],
      },
      {
        name: "suspend of a paused VM",
        before: (m) => started(m).then(() => m.pause("web")),
        run: (m) => m.suspend("web", emit, signal),
        leaves: ["paused", "suspended"],
      },
      { name: "waking", before: suspended, run: (m) => m.session("web"), leaves: ["suspended", "running"] },
      {
        name: "a cold start of a suspended VM",
        before: suspended,
        run: (m) => m.start("web", { ...agent, cold: true }, emit, signal),
        leaves: ["suspended", "stopped", "running"],
      },
      {
        name: "delete of a suspended VM",
        before: suspended,
        run: (m) => m.delete("web"),
        leaves: ["suspended", "gone"],
      },
      { name: "snapshot", before: started, run: (m) => m.snapshot("web", "s", emit, signal), leaves: ["running"] },
      {
        name: "snapshot of a stopped VM",
        before: created,
        run: (m) => m.snapshot("web", "s", emit, signal),
        leaves: ["stopped"],
      },
      {
        name: "going back",
        before: kept,
        run: (m) => m.restore("web", "s", {}, emit, signal),
        leaves: ["running", "stopped"],
      },
      { name: "a snapshot's removal", before: kept, run: (m) => m.deleteSnapshot("web", "s"), leaves: ["running"] },
      { name: "delete with a snapshot", before: kept, run: (m) => m.delete("web"), leaves: ["running", "gone"] },
      {
        name: "fork",
        before: started,
        run: (m) => m.fork("web", { names: ["a", "b"] }, emit, signal),
        leaves: ["running"],
      },
      {
        name: "fork of a suspended VM",
        before: suspended,
        run: (m) => m.fork("web", { names: ["a"] }, emit, signal),
        leaves: ["suspended"],
      },
    ] satisfies Operation[]
  ).map((operation) => ({ ...operation, saves: true })),
);

async function dropBoth(machines: Machines): Promise<void> {
  await machines.deleteImage("debian-bookworm");
  await machines.deleteKernel("debian-bookworm-cloud");
}

async function guestEnds(machines: Machines, host: Host, kind: "reboot" | "poweroff"): Promise<void> {
  host.world.living()[0]?.guest.end({ kind });
  await Bun.sleep(0);
  await machines.idle();
}

/** One story: a daemon that lives, one that dies at call `dieAt`, and one that finds what is left. */
async function story(operation: Operation, dieAt: number, when: "before" | "after"): Promise<Life> {
  const host = newHost();
  host.world.canSave = operation.saves ?? false;
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
  const machines = await startDaemon(host);
  await machines.idle();
  const [left] = machines.all();
  if (left?.ephemeral) await deleted(machines);
  await machines.idle();
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

/** Whatever is left can be used and deleted. */
async function usable(machines: Machines, host: Host, context: string): Promise<void> {
  const vm = machines.all()[0];
  if (vm?.state === "stopped" || vm?.state === "suspended") await machines.start(vm.name, agent, emit, signal);
  for (const { name } of machines.all()) await machines.delete(name);
  if (vm) {
    // its name is free again
  } else if (machines.images().length + machines.kernels().length === 2) await create(machines, true);
  await machines.idle();
  assertTruth(host, `${context}, then used`);
  machines.release();
}

for (const operation of operations) {
  for (const when of ["before", "after"] as const) {
    test(`${operation.name}: dying ${when} each call`, async () => {
      let calls = 0;
      for (let dieAt = 1; ; dieAt++) {
        const life = await story(operation, dieAt, when);
        if (!life.dead) break;
        calls = dieAt;
      }
      expect(calls).toBeGreaterThan(0);
    });
  }
}

test("dying again and again while reconciling still ends in truth", async () => {
  for (const operation of operations) {
    for (const dieAt of [3, 9, 15]) {
      const host = newHost();
      host.world.canSave = operation.saves ?? false;
      const first = await startDaemon(host);
      await operation.before(first);
      const life = new Life();
      first.release();
      const second = await startDaemon(host, life);
      await Promise.race([operation.run(second, host).catch((error: unknown) => error), life.dieAfter(dieAt, "after")]);
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
