/** `vm run` where its template is there: restored when asked for, and taken over from a warm VM. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { phasesOf, reportedPhases, type Timed, timedOf } from "../src/cli/bench-times.ts";
import type { Phase } from "../src/model/event.ts";
import type { Home } from "../test/e2e/home.ts";
import { until } from "../test/e2e/processes.ts";
import { type RestoredRaw, restoreRaw, type SavedRecipe } from "./raw-restore.ts";
import { type Row, rowOf } from "./stats.ts";
import { say, timed } from "./timing.ts";

export const runTrue = ["vm", "run", "--rm", "--", "true"];

/** Where the time of something went. */
export type Breakdown = { what: string; parts: Timed[] };
export type Measured = { row: Row; breakdowns: Breakdown[] };

/** A VM of this home's only kind, each restored when it is asked for. */
export function restored(home: Home, recipe: SavedRecipe, runs: number): Promise<Measured> {
  const reach = { ratio: 1.4, ms: 300 };
  const row = rowOf({ what: "vm run --rm -- true", floorWhat, reach });
  return measureRestored(home, { runs, row, flags: [], restore: restoreOf(home, recipe) });
}

/** The same with `warm_vms`; none is being made while the floor is measured. */
export async function takenOver(home: Home, recipe: SavedRecipe, runs: number): Promise<Measured> {
  home.configure("");
  await home.ok(runTrue);
  const row = rowOf({ what: "the same, from a warm VM", floorWhat, reach: { ratio: 1.4, ms: 300 } });
  const restore = restoreOf(home, recipe);
  const taken = await measureRestored(home, { runs, row, flags: [], restore, ready: () => warmReady(home) });
  home.configure("warm_vms = false\n");
  await home.ok(["daemon", "stop"]);
  return taken;
}

const floorWhat = "raw QEMU, template loaded, true";

function restoreOf(home: Home, recipe: SavedRecipe): Measuring["restore"] {
  return () => restoreRaw(recipe, join(home.folder, "raw"));
}

export type Measuring = {
  runs: number;
  row: Row;
  /** of the VM */
  flags: string[];
  /** the floor */
  restore(): Promise<RestoredRaw>;
  /** before each measurement */
  ready?: () => Promise<void>;
};

/** Fills the row, in turn with its floor. */
export async function measureRestored(home: Home, measuring: Measuring): Promise<Measured> {
  const { runs, row, flags, restore, ready = async () => {} } = measuring;
  const ours: Phase[][] = [];
  const raw: Phase[][] = [];
  // the first ones find files and pages cold
  for (let run = -1; run < runs; run++) {
    await ready();
    const vm = await restore();
    await vm.end();
    const ms = await timed(() => home.ok(["vm", "run", "--rm", ...flags, "--", "true"]));
    await ready();
    const told = reportedPhases((await home.ok(["vm", "run", "--rm", "--json", ...flags, "--", "true"])).stderr);
    if (run < 0) continue;
    row.floor.push(vm.readyMs);
    row.ours.push(ms);
    ours.push(told);
    raw.push(vm.phases);
  }
  say(row);
  const floor = (raw[0] ?? []).map(({ name }, at) =>
    timedOf(
      name,
      raw.map((parts) => parts[at]?.ms ?? 0),
    ),
  );
  return {
    row,
    breakdowns: [
      { what: row.what, parts: phasesOf(ours) },
      { what: `${row.what}: floor`, parts: floor },
    ],
  };
}

/** A VM is warm: there is a QEMU, and for a while it does nothing. One that is being made has the CPU. */
async function warmReady(home: Home): Promise<void> {
  let [before, idle] = [0, 0];
  await until("a warm VM", () => {
    const qemu = home.processes().find(({ name }) => name.startsWith("qemu"));
    const now = qemu ? cpuNs(qemu.pid) : 0;
    idle = before > 0 && now === before ? idle + 1 : 0;
    before = now;
    return idle >= 4;
  });
}

/** What all threads of a process have run, in `ns`. */
function cpuNs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce(
    (sum, id) => sum + Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]),
    0,
  );
}
