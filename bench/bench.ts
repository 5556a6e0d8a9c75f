/**
 * The speed table: each figure beside a floor that is measured in the same run, in turn with it. `make bench` runs it; the
 * table goes to the terminal, everything as JSON to bench/results/. Arguments: `--runs N` (default 5), `--only
 * vm|cli|images|saves|ssh|copy|ports|dns|nested|system`, `--part NAME` of `nested`. The last two run only when they are named.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { cloneGolden } from "../test/e2e/golden.ts";
import { Home, programs, repository } from "../test/e2e/home.ts";
import { makeRepository } from "../test/e2e/repo.ts";
import { cli } from "./cli.ts";
import { copy } from "./copy.ts";
import { dns } from "./dns.ts";
import type { Breakdown } from "./from-template.ts";
import { images } from "./images.ts";
import { nested } from "./nested/nested.ts";
import type { Figures } from "./nested/vms.ts";
import { ports } from "./ports.ts";
import { bootRaw, execRaw, putRaw, type Recipe, recipeOf } from "./raw-vm.ts";
import { saves } from "./saves.ts";
import { ssh } from "./ssh.ts";
import { median, type Row, reached, table } from "./stats.ts";
import { system } from "./system/system.ts";
import { say, timed, times } from "./timing.ts";

const runs = Number(argument("--runs")) || 5;
const home = new Home("bench");
try {
  const only = argument("--only");
  const all: Figures = { rows: [], breakdowns: [] };
  const add = ({ rows, breakdowns }: Figures) => {
    all.rows.push(...rows);
    all.breakdowns.push(...breakdowns);
  };
  const isWanted = (part: string) => only === undefined || only === part;
  if (only === undefined || !["nested", "dns", "system"].includes(only)) await cloneGolden(home);
  if (isWanted("vm")) add({ rows: await measure(), breakdowns: [] });
  if (isWanted("cli")) add({ rows: await cli(home), breakdowns: [] });
  if (isWanted("images")) add({ rows: await images(home, runs), breakdowns: [] });
  if (isWanted("saves")) add(await saves(home, runs));
  if (isWanted("ssh")) add({ rows: await ssh(home, runs), breakdowns: [] });
  if (isWanted("copy")) add({ rows: await copy(home, runs), breakdowns: [] });
  if (isWanted("ports")) add({ rows: await ports(home, runs), breakdowns: [] });
  if (isWanted("dns")) add({ rows: await dns(home, runs), breakdowns: [] });
  if (only === "nested") add(await nested({ home, runs, part: argument("--part") }));
  if (only === "system") add(await system(runs));
  console.log(`\n${table(all.rows)}\n${all.breakdowns.map(breakdownText).join("")}`);
  save(all);
  process.exitCode = all.rows.every(reached) ? 0 : 1;
} finally {
  await home.close();
}

function argument(name: string): string | undefined {
  return process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined;
}

function breakdownText({ what, parts }: Breakdown): string {
  const lines = parts.map(({ what: part, median: ms }) => `  ${part.padEnd(32)} ${ms.toFixed(1).padStart(6)} ms\n`);
  return `\n${what}, taken apart:\n${lines.join("")}`;
}

async function measure(): Promise<Row[]> {
  await home.ok(["vm", "run", "--name", "bench", "--detach", "--cold", "--wait=agent"]);
  const recipe = recipeOf(home);
  await home.ok(["vm", "delete", "bench"]);
  const start = await cliStart();
  return [...start, await coldBoot(recipe), ...(await onRunningVms(recipe, median(start[0]?.ours ?? [0])))];
}

async function cliStart(): Promise<Row[]> {
  const version = await times("banger --version", 20, () => timed(() => home.ok(["--version"])));
  const list = await times("banger vm ls", 20, () => timed(() => home.ok(["vm", "ls"])));
  const bare = { floorWhat: "", floor: [], allowance: 0 };
  return [
    { what: "banger --version", ours: version, ...bare, reach: { ms: 20 } },
    { what: "banger vm ls", ours: list, ...bare, reach: { ms: 40 } },
  ];
}

async function coldBoot(recipe: Recipe): Promise<Row> {
  const row: Row = {
    what: "vm run --rm --cold --wait=agent -- true",
    floorWhat: "raw QEMU until its agent answers",
    ours: [],
    floor: [],
    allowance: 0,
    reach: { ratio: 1.15 },
  };
  for (let run = 0; run < runs; run++) {
    const raw = await bootRaw(recipe, join(home.folder, `raw${run}`));
    row.floor.push(raw.readyMs);
    await raw.end();
    row.ours.push(await timed(() => home.ok(["vm", "run", "--rm", "--cold", "--wait=agent", "--", "true"])));
    say(row);
  }
  return row;
}

/** Two VMs side by side, their services up, idle but for the one that is asked: ours and a raw one. */
async function onRunningVms(recipe: Recipe, cliStartMs: number): Promise<Row[]> {
  const raw = await bootRaw(recipe, join(home.folder, "raw"));
  (await raw.agent.open("services", {})).close();
  await home.ok(["vm", "run", "--name", "bench", "--detach", "--cold"]);
  try {
    const exec: Row = {
      what: "vm exec -- true",
      floorWhat: "agent asked directly",
      ours: [],
      floor: [],
      allowance: cliStartMs,
      reach: { ratio: 1.5 },
    };
    for (let run = 0; run < 10 * runs; run++) {
      exec.floor.push(await timed(() => execRaw(raw.agent, ["true"])));
      exec.ours.push(await timed(() => home.ok(["vm", "exec", "bench", "--", "true"])));
    }
    say(exec);
    await home.ok(["vm", "delete", "bench"]);
    return [exec, await workspace(raw.agent)];
  } finally {
    await raw.end();
  }
}

/**
 * What a workspace adds to a run, against a tar of the same files over the same kind of channel. In both the guest's
 * services are up: before that the copy would be timed against a guest that is busy starting them.
 */
async function workspace(agent: Parameters<typeof putRaw>[0]): Promise<Row> {
  const folder = bigRepository();
  const row: Row = {
    what: "workspace of 2,000 files, 50 MiB",
    floorWhat: "tar over the same channel",
    ours: [],
    floor: [],
    allowance: 0,
    reach: { ratio: 1.3 },
  };
  for (let run = 0; run < runs; run++) {
    const path = `/root/floor${run}`;
    row.floor.push(
      await timed(() => putRaw(agent, path, Bun.spawn(["tar", "-c", "."], { cwd: folder, stdout: "pipe" }).stdout)),
    );
    await execRaw(agent, ["rm", "-rf", path]);
    const bare = await timed(() => home.ok(["vm", "run", "--rm", "--", "true"]));
    row.ours.push((await timed(() => home.ok(["vm", "run", "--rm", folder, "--", "true"]))) - bare);
    say(row);
  }
  return row;
}

function bigRepository(): string {
  const files: Record<string, Uint8Array> = {};
  for (let index = 0; index < 2000; index++)
    files[`d${index % 40}/file${index}.bin`] = crypto.getRandomValues(new Uint8Array(26_214));
  return makeRepository(join(home.folder, "big"), files);
}

function save({ rows, breakdowns }: Figures): void {
  const folder = join(repository, "bench/results");
  mkdirSync(folder, { recursive: true });
  const host = {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    memory: totalmem(),
    kernel: release(),
    load: loadavg(),
    kvm: existsSync("/dev/kvm"),
  };
  const name = new Date().toISOString().replaceAll(":", "").slice(0, 15);
  writeFileSync(
    join(folder, `${name}.json`),
    `${JSON.stringify({ at: new Date().toISOString(), host, programs, runs, rows, breakdowns }, null, 2)}\n`,
  );
  console.log(`written to bench/results/${name}.json`);
}
