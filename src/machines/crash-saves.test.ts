/** The daemon dies at every step of making templates, pausing, suspending, waking, taking and restoring snapshots, forking. */
import type { Machines } from "./machines.ts";
import { agent, created, emit, nothing, type Operation, signal, started, testDeaths } from "./testing/crash.ts";
import { type Host, paths } from "./testing/daemon.ts";
import { testFullDisks } from "./testing/full.ts";
import type { GuestBehaviour } from "./testing/guest.ts";

const named = (machines: Machines, name: string, start = true) =>
  machines.create({ name, ephemeral: false }, start ? agent : null, emit, signal);
const suspended = (machines: Machines) => started(machines).then(() => machines.suspend("web", emit, signal));
const kept = (machines: Machines) => started(machines).then(() => machines.snapshot("web", "s", emit, signal));
/** Its guest is as usual for the next daemon. */
async function failsToWake(machines: Machines, { world }: Host, change: Partial<GuestBehaviour>): Promise<void> {
  world.guest = { ...world.guest, ...change, diesEarly: { kind: "reboot" } };
  await machines.session("web").catch(() => {});
}
const templated = async (machines: Machines) => {
  await named(machines, "other");
  await machines.idle();
  await machines.delete("other");
};

const operations = (
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
      name: "a warm VM",
      before: templated,
      run: async (m, host) => {
        await named(m, "first");
        const held = host.world.nextPaused();
        await m.delete("first");
        await held;
        await started(m);
      },
      keepsWarm: true,
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
      name: "a wake that fails",
      before: suspended,
      run: (m, host) => failsToWake(m, host, {}),
      leaves: ["suspended"],
    },
    {
      name: "a wake that fails, with a disk that is put back",
      before: suspended,
      sharesBlocks: true,
      run: (m, host) => failsToWake(m, host, { writesWhenWoken: true }),
      leaves: ["suspended"],
    },
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
    {
      name: "a snapshot's removal",
      before: kept,
      run: async (m) => Promise.all(m.snapshots().map(({ id }) => m.deleteSnapshot(id))),
      leaves: ["running"],
    },
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
).map((operation) => ({ ...operation, saves: true }));

testDeaths(operations);
testFullDisks(operations);
