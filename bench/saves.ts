/** VMs that begin from a template: how fast they are there, what each costs, and what making, forking and deleting them takes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WorkEvent } from "../src/model/event.ts";
import type { Home } from "../test/e2e/home.ts";
import { forkPause } from "./fork-pause.ts";
import { type Breakdown, restored, runTrue, takenOver } from "./from-template.ts";
import { restoreRaw, type SavedRecipe, savedRecipeOf } from "./raw-restore.ts";
import { execRaw } from "./raw-vm.ts";
import { type Row, rowOf } from "./stats.ts";
import { say, timed } from "./timing.ts";

export async function saves(home: Home, runs: number): Promise<{ rows: Row[]; breakdowns: Breakdown[] }> {
  // makes the template, where there is none
  await home.ok(["vm", "run", "--name", "bench", "--detach"]);
  const recipe = savedRecipeOf(home);
  await home.ok(["vm", "delete", "bench"]);
  const run = await restored(home, recipe, 3 * runs);
  const taken = await takenOver(home, recipe, 2 * runs);
  const rows = [
    run.row,
    taken.row,
    await exec(home, recipe, runs),
    await templateSave(home, Math.min(runs, 3)),
    await forkPause(home, runs),
    await manyAtOnce(home, Math.min(runs, 3)),
    ...(await clones(home, runs)),
  ];
  return { rows, breakdowns: [...run.breakdowns, ...taken.breakdowns] };
}

/** Two restored VMs side by side, idle but for the one that is asked: ours and a raw one. */
async function exec(home: Home, recipe: SavedRecipe, runs: number): Promise<Row> {
  const row = rowOf({
    what: "vm exec VM -- true",
    floorWhat: "--version + agent asked directly",
    reach: { ratio: 1.3 },
  });
  const raw = await restoreRaw(recipe, join(home.folder, "raw"));
  await home.ok(["vm", "run", "--name", "bench", "--detach"]);
  try {
    for (let run = 0; run < 10 * runs; run++) {
      const version = await timed(() => home.ok(["--version"]));
      row.floor.push(version + (await timed(() => execRaw(raw.agent, ["true"]))));
      row.ours.push(await timed(() => home.ok(["vm", "exec", "bench", "--", "true"])));
    }
    say(row);
    return row;
  } finally {
    await raw.end();
    await home.ok(["vm", "delete", "bench"]);
  }
}

/** of a kind that no other measurement has */
const ownKind = ["--memory", "1G"];

/** The first VM of a kind: from the save of the one that booted to itself, restored. What comes before is a cold boot's. */
async function templateSave(home: Home, runs: number): Promise<Row> {
  const row = rowOf({ what: "template: save, end, restore", reach: { ms: 500 } });
  for (let run = 0; run < runs; run++) {
    const told = await timedEvents(home, ["vm", "run", "--rm", "--json", ...ownKind, "--", "true"]);
    const at = (which: (event: WorkEvent) => boolean) => told.find(({ event }) => which(event))?.ms ?? Number.NaN;
    const saving = at((event) => event.kind === "progress" && event.text === "saving it");
    row.ours.push(at((event) => event.kind === "timing") - saving);
    say(row);
    await home.ok(["template", "delete", await newestTemplate(home)]);
  }
  return row;
}

/** A command's events, with when each came. */
async function timedEvents(home: Home, args: string[]): Promise<{ ms: number; event: WorkEvent }[]> {
  const child = home.spawn(args);
  await child.stdin.end();
  const told: { ms: number; event: WorkEvent }[] = [];
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) {
    const ms = performance.now();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    told.push(...lines.map((line) => ({ ms, event: JSON.parse(line) as WorkEvent })));
  }
  return told;
}

async function newestTemplate(home: Home): Promise<string> {
  const all = await home.json<{ key: string; lastUsedAt: number }[]>(["template", "ls"]);
  const [newest] = all.toSorted((a, b) => b.lastUsedAt - a.lastUsedAt);
  if (!newest) throw new Error("no template was made");
  return newest.key;
}

const many = 20;

async function manyAtOnce(home: Home, runs: number): Promise<Row> {
  const row = rowOf({ what: `${many} VMs at once`, floorWhat: `${many} x one`, reach: { ratio: 0.7 } });
  for (let run = 0; run < runs; run++) {
    row.floor.push(many * (await timed(() => home.ok(runTrue))));
    row.ours.push(await timed(() => Promise.all(Array.from({ length: many }, () => home.ok(runTrue)))));
    say(row);
  }
  return row;
}

/** how old a clone is when its memory is looked at, in `ms` */
const idleMs = 5000;

/** One beside another, so that what they share does not look like one's own. */
async function clones(home: Home, runs: number): Promise<Row[]> {
  const memory = rowOf({ what: "private memory of an idle clone", unit: "MiB", reach: { ms: 45 } });
  const deletion = rowOf({ what: "vm delete", reach: { ms: 60 } });
  await home.ok(["vm", "run", "--name", "other", "--detach"]);
  const other = home.processOf("qemu").pid;
  for (let run = 0; run < runs; run++) {
    await home.ok(["vm", "run", "--name", "clone", "--detach"]);
    await Bun.sleep(idleMs);
    const clone = home.processes().find(({ name, pid }) => name.startsWith("qemu") && pid !== other);
    if (!clone) throw new Error("a clone has no QEMU");
    memory.ours.push(privateMib(clone.pid));
    deletion.ours.push(await timed(() => home.ok(["vm", "delete", "clone"])));
  }
  await home.ok(["vm", "delete", "other"]);
  say(memory);
  say(deletion);
  return [memory, deletion];
}

/** Private_Clean and Private_Dirty of a process, proc_pid_smaps(5). */
export function privateMib(pid: number): number {
  const sums = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kib = [...sums.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)].map(([, number]) => Number(number));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}
