/** The daemon dies at every step of every operation on VMs, images and kernels. */
import type { Machines } from "./machines.ts";
import { agent, create, created, emit, nothing, type Operation, signal, started, testDeaths } from "./testing/crash.ts";
import type { Host } from "./testing/daemon.ts";
import { testFullDisks } from "./testing/full.ts";

const stopped = async (machines: Machines) => {
  await started(machines);
  await machines.stop("web", {}, emit);
};

const operations: Operation[] = [
  { name: "create", before: nothing, run: (m) => create(m, false), leaves: ["gone", "stopped"] },
  { name: "create and start", before: nothing, run: (m) => create(m, true), leaves: ["gone", "stopped", "running"] },
  { name: "create with a hold", before: nothing, run: (m) => create(m, true, true), leaves: ["gone"] },
  { name: "start", before: created, run: (m) => m.start("web", agent, emit, signal), leaves: ["stopped", "running"] },
  { name: "stop", before: started, run: (m) => m.stop("web", {}, emit), leaves: ["running", "stopped"] },
  { name: "kill", before: started, run: (m) => m.kill("web"), leaves: ["running", "stopped"] },
  { name: "restart", before: started, run: (m) => m.restart("web", agent, emit, signal), leaves: ["running"] },
  { name: "delete", before: started, run: (m) => m.delete("web"), leaves: ["running", "gone"] },
  { name: "start on the bridge", before: bridged, run: startBridged, leaves: ["stopped", "running"] },
  { name: "stop on the bridge", before: runs, run: (m) => m.stop("web", {}, emit), leaves: ["running", "stopped"] },
  { name: "delete on the bridge", before: runs, run: (m) => m.delete("web"), leaves: ["running", "gone"] },
  { name: "delete of a stopped VM", before: created, run: (m) => m.delete("web"), leaves: ["stopped", "gone"] },
  { name: "delete of an image", before: nothing, run: dropBoth, leaves: ["gone"] },
  { name: "register of a disk", before: nothing, run: registered, leaves: ["gone"] },
  { name: "save", before: stopped, run: (m) => m.save("web", { image: "saved" }, emit, signal), leaves: ["stopped"] },
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

async function bridged(machines: Machines): Promise<unknown> {
  return machines.create({ name: "web", ephemeral: false, network: { kind: "bridge" } }, null, emit, signal);
}

function startBridged(machines: Machines): Promise<unknown> {
  return machines.start("web", agent, emit, signal);
}

async function runs(machines: Machines): Promise<void> {
  await bridged(machines);
  await startBridged(machines);
}

function registered(machines: Machines): Promise<unknown> {
  return machines.importDisk({ name: "disk", source: "x", tar: (async function* () {})() }, emit, signal);
}

async function dropBoth(machines: Machines): Promise<void> {
  await machines.deleteImage("debian-bookworm");
  await machines.deleteKernel("debian-bookworm-cloud");
}

async function guestEnds(machines: Machines, host: Host, kind: "reboot" | "poweroff"): Promise<void> {
  host.world.living()[0]?.guest.end({ kind });
  await Bun.sleep(0);
  await machines.idle();
}

testDeaths(operations);
testFullDisks(operations);
