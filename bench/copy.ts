/** `vm cp` both ways against the same files over the agent's own channel: one large file, and many small ones through `tar`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getTar } from "../src/wire/agent/get.ts";
import type { AgentClient } from "../src/wire/agent/types.ts";
import type { Home } from "../test/e2e/home.ts";
import { bootRaw, execRaw, putRaw, recipeOf } from "./raw-vm.ts";
import { type Row, rowOf } from "./stats.ts";
import { measureBothWays, timed } from "./timing.ts";

const mib = 1024 * 1024;
const largeBytes = 256 * mib;
const smallFiles = 5000;

/** Where the guests keep what is copied: a file system in memory would measure no disk, and theirs is the one that users have. */
const place = "/var/tmp";

export async function copy(home: Home, runs: number): Promise<Row[]> {
  await home.ok(["vm", "run", "--name", "bench", "--detach", "--cold"]);
  const raw = await bootRaw(recipeOf(home), join(home.folder, "raw"));
  try {
    (await raw.agent.open("services", {})).close();
    const ends = { home, agent: raw.agent, runs };
    const large = { name: "large", path: largeFile(home), what: "256 MiB", reach: 1.25 };
    const small = { name: "small", path: smallFolder(home), what: "5,000 small files", reach: 1.3 };
    return [...(await bothWays(ends, large)), ...(await bothWays(ends, small))];
  } finally {
    await raw.end();
    await home.ok(["vm", "delete", "bench"]);
  }
}

type Ends = { home: Home; agent: AgentClient; runs: number };
type Source = { name: string; path: string; what: string; reach: number };

async function bothWays({ home, agent, runs }: Ends, { name, path, what, reach }: Source): Promise<Row[]> {
  const into = rowOf({ what: `vm cp of ${what} in`, floorWhat: "tar over the channel", reach: { ratio: reach } });
  const out = rowOf({ what: `vm cp of ${what} out`, floorWhat: "tar over the channel", reach: { ratio: reach } });
  const back = join(home.folder, "back");
  const rows = await measureBothWays(into, out, runs, async () => {
    const clear = ["rm", "-rf", join(place, name)];
    await Promise.all([execRaw(agent, clear), home.ok(["vm", "exec", "bench", "--", ...clear])]);
    const tar = Bun.spawn(["tar", "-c", name], { cwd: home.folder, stdout: "pipe" });
    const floorIn = await timed(() => putRaw(agent, place, tar.stdout));
    const oursIn = await timed(() => home.ok(["vm", "cp", path, `bench:${place}/`]));
    const floorOut = await timed(() => getRaw(agent, join(place, name), fresh(join(back, "raw"))));
    const oursOut = await timed(() => home.ok(["vm", "cp", `bench:${place}/${name}`, `${fresh(join(back, "ours"))}/`]));
    return { in: { ours: oursIn, floor: floorIn }, out: { ours: oursOut, floor: floorOut } };
  });
  rmSync(back, { recursive: true });
  return rows;
}

async function getRaw(agent: AgentClient, path: string, folder: string): Promise<void> {
  const tar = Bun.spawn(["tar", "-x"], { cwd: folder, stdin: "pipe" });
  for await (const chunk of getTar(agent, { path }, AbortSignal.timeout(600_000))) {
    tar.stdin.write(chunk);
    await tar.stdin.flush();
  }
  tar.stdin.end();
  if ((await tar.exited) !== 0) throw new Error(`tar ended with ${tar.exitCode}`);
}

function fresh(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function largeFile(home: Home): string {
  const path = join(home.folder, "large");
  writeFileSync(
    path,
    crypto
      .getRandomValues(Buffer.alloc(mib))
      .toString("latin1")
      .repeat(largeBytes / mib),
    "latin1",
  );
  return path;
}

function smallFolder(home: Home): string {
  const path = join(home.folder, "small");
  for (let index = 0; index < smallFiles; index++) {
    const folder = join(path, `d${index % 50}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${index}`), `${index}\n`.repeat(1 + (index % 300)));
  }
  return path;
}
