/** What stands around a process that was taken over: the user's files, sockets and processes, which it must not reach. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type Listeners, listenEverywhere } from "./listeners.ts";
import type { Attack } from "./report.ts";
import { type Answer, buildInjector, type Call, failed, TakenOver, wordsOf } from "./taken-over.ts";

/** What a confined process works with: its own folder, and files that it may only read. */
export type Place = { directory: string; readable: readonly string[] };

/** A confined process that an attacker can take over. */
export type Target = Place & {
  start(): Promise<{ pid: number; ended: Promise<unknown>; end(): Promise<void> }>;
};

export type Scene = Place & {
  /** a file of the user's outside the cage */
  secret: string;
  /** the folder that it is in */
  home: string;
  /** pid of another process of the user's */
  victim: number;
  listeners: Listeners;
  /** the process; another one when the last was ended by an attack */
  taken(): Promise<TakenOver>;
  /** what became of the user's things, as text that must not change */
  state(): string;
  end(): Promise<void>;
};

/** @param folder of the test's own, outside every cage */
export async function setScene(target: Target, folder: string): Promise<Scene> {
  const home = `${folder}/home`;
  const secret = `${home}/id_rsa`;
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(secret, "the user's key\n", { mode: 0o600 });
  const injector = buildInjector(folder);
  const victim = await idleProcess();
  const listeners = await listenEverywhere(`${home}/bus`);
  let running: Awaited<ReturnType<Target["start"]>> | null = null;
  let hold: TakenOver | null = null;
  const takeOver = async () => {
    await running?.ended;
    running = await target.start();
    hold = new TakenOver(injector, running.pid);
    return hold;
  };
  return {
    ...{ directory: target.directory, readable: target.readable },
    ...{ secret, home, listeners, victim: victim.pid ?? -1 },
    taken: async () => (hold === null || hold.hasEnded ? takeOver() : hold),
    state: () => `${fileState(secret)}; ${victim.exitCode ?? victim.signalCode ?? "alive"}; ${limitsOf(victim)}`,
    end: async () => {
      await hold?.release();
      await running?.end();
      victim.kill("SIGKILL");
      await listeners.close();
    },
  };
}

/** An attack of calls that must all fail, and leave the user's things as they are. */
export function refused(scene: () => Scene, name: string, calls: (scene: Scene) => Call[]): Attack {
  return refusedSteps(scene, name, async function* () {
    // each has a process, whatever the one before it came to
    for (const call of calls(scene())) yield (await scene().taken()).call(...call);
  });
}

/** The same of calls that build on each other. */
export function refusedSteps(
  scene: () => Scene,
  name: string,
  steps: (taken: TakenOver, scene: Scene) => AsyncIterable<Answer>,
): Attack {
  const run = async () => {
    const before = scene().state();
    const answers: Answer[] = [];
    for await (const answer of steps(await scene().taken(), scene())) answers.push(answer);
    const changed = scene().state() === before ? "" : `, and the user's things changed: ${scene().state()}`;
    const seen = [...new Set(answers.map(wordsOf))].join(", ");
    return { held: answers.length > 0 && answers.every(failed) && changed === "", seen: `${seen}${changed}` };
  };
  return { name, run };
}

async function idleProcess(): Promise<ChildProcess> {
  const child = spawn("sleep", ["100000"], { stdio: "ignore" });
  await once(child, "spawn");
  return child;
}

function fileState(path: string): string {
  const { mode, uid, gid, size, mtimeMs, ctimeMs } = statSync(path);
  return [mode.toString(8), uid, gid, size, mtimeMs, ctimeMs].join(" ");
}

function limitsOf({ pid }: ChildProcess): string {
  const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
  return /Max open files\s+(\d+)/.exec(limits)?.[1] ?? "?";
}
