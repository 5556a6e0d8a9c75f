/**
 * A user of their own for each suite: the compiled program runs in a home that nothing else shares, and everything that
 * belongs to it can be found and ended. Nothing here mocks anything.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { waitForExit } from "../../src/host/process/end.ts";
import { filesBelow, type OwnProcess, processesOf, signalOwn } from "./processes.ts";

export const repository = join(import.meta.dirname, "../..");
export const programs = process.env["BANGER_TEST_PROGRAMS"] ?? join(repository, "build/bin");
/** parent of every test home; short, because sockets live below it */
export const testRoot = process.env["BANGER_TEST_DIR"] ?? join(homedir(), ".cache/bt");

/** How one run of the program ended. `out` is stdout as bytes. */
export type Outcome = {
  code: number | null;
  signal: string | null;
  out: Uint8Array;
  stdout: string;
  stderr: string;
  ms: number;
};
export type RunOptions = {
  input?: string | Uint8Array;
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
  /** a descriptor that the program writes to instead of a pipe to us */
  stdout?: number;
};
export type Child = Bun.Subprocess<"pipe", "pipe", "pipe">;

/** One isolated user: HOME and all XDG folders of its own. */
export class Home {
  readonly folder: string;
  readonly env: Record<string, string>;

  /** @param present folder of a home that somebody else made; default: a new one */
  constructor(label: string, present?: string) {
    mkdirSync(testRoot, { recursive: true, mode: 0o700 });
    this.folder = present ?? mkdtempSync(join(testRoot, `${label.slice(0, 4)}-`));
    this.env = { ...carriedEnvironment(), ...folders(this.folder) };
    if (present !== undefined) return;
    mkdirSync(join(this.folder, "r"), { mode: 0o700 });
    // what is left running is what a test left running
    this.configure("warm_vms = false\n");
  }

  /** Writes its config.toml anew. */
  configure(text: string): void {
    mkdirSync(join(this.folder, "k/banger"), { recursive: true });
    writeFileSync(join(this.folder, "k/banger/config.toml"), text);
  }

  /** Runs `banger` to its end. Ends it by SIGKILL after `timeoutMs` (default 3 minutes); then `signal` is set. */
  async banger(args: string[], options: RunOptions = {}): Promise<Outcome> {
    const begun = performance.now();
    const child = this.spawn(args, options);
    const feeding = feed(child, options.input);
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 180_000);
    const [out, stderr] = await Promise.all([
      new Response(child.stdout).bytes(),
      new Response(child.stderr).text(),
      feeding,
    ]);
    await child.exited;
    clearTimeout(timer);
    return {
      code: child.exitCode,
      signal: child.signalCode === null ? null : String(child.signalCode),
      out,
      stdout: new TextDecoder().decode(out),
      stderr,
      ms: performance.now() - begun,
    };
  }

  /** As `banger`, but a status other than 0 is an error that shows what was said. */
  async ok(args: string[], options: RunOptions = {}): Promise<Outcome> {
    const outcome = await this.banger(args, options);
    if (outcome.code === 0) return outcome;
    const status = outcome.signal ?? `status ${outcome.code}`;
    throw new Error(
      `banger ${args.join(" ")} ended with ${status}\nstdout: ${outcome.stdout.slice(-2000)}\nstderr: ${outcome.stderr.slice(-4000)}`,
    );
  }

  /** The value that a command prints under `--json`. */
  async json<T>(args: string[], options: RunOptions = {}): Promise<T> {
    const { stdout } = await this.ok([...args, "--json"], options);
    return JSON.parse(stdout) as T;
  }

  /** Starts `banger` and leaves it to the caller. */
  spawn(args: string[], options: RunOptions = {}): Child {
    return Bun.spawn([join(programs, "banger"), ...args], {
      cwd: options.cwd ?? this.folder,
      env: { ...this.env, ...options.env },
      stdin: "pipe",
      stdout: options.stdout ?? "pipe",
      stderr: "pipe",
    }) as Child;
  }

  /** Every process that belongs to this home: daemon, VMMs, their helpers. */
  processes(): OwnProcess[] {
    return processesOf(this.folder);
  }

  async daemonPid(): Promise<number> {
    return (await this.json<{ pid: number }>(["daemon", "status"])).pid;
  }

  /** The one process of this home that runs `program`; an error when there is none or more. */
  processOf(program: string): OwnProcess {
    const found = this.processes().filter((item) => item.name.startsWith(program));
    if (found.length !== 1 || !found[0]) {
      const all = this.processes().map((item) => `${item.name} ${item.pid}`);
      throw new Error(`${found.length} processes of ${program}, among: ${all.join(", ")}`);
    }
    return found[0];
  }

  signal(process: OwnProcess, signal: NodeJS.Signals): void {
    signalOwn(process, this.folder, signal);
  }

  /** The daemon that has this home's lock; one that was started beside it may not have found that out yet. */
  daemon(): OwnProcess {
    const [pid] = readFileSync(join(this.folder, "s/banger/bangerd.lock"), "utf8").split("\n");
    const found = this.processes().find((item) => String(item.pid) === pid && item.name.startsWith("bangerd"));
    if (!found) throw new Error(`no daemon of pid ${pid} runs`);
    return found;
  }

  /** Resolves when the daemon is gone, and its socket with it. */
  async killDaemon(): Promise<void> {
    const daemon = this.daemon();
    this.signal(daemon, "SIGKILL");
    await waitForExit({ pid: daemon.pid, startTicks: Number(daemon.startTicks) });
  }

  /** Sockets and folders of VMs that are still on disk. */
  vmFiles(): string[] {
    return filesBelow(join(this.folder, "s/banger/vms"));
  }

  /** Deletes its VMs, ends its daemon and whatever else is left, and removes it. */
  async close(): Promise<void> {
    await this.banger(["daemon", "stop", "--force"], { timeoutMs: 20_000 });
    for (const process of this.processes()) signalOwn(process, this.folder, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function folders(folder: string): Record<string, string> {
  return {
    HOME: folder,
    XDG_STATE_HOME: join(folder, "s"),
    XDG_CACHE_HOME: join(folder, "c"),
    XDG_CONFIG_HOME: join(folder, "k"),
    XDG_RUNTIME_DIR: join(folder, "r"),
  };
}

/** The test's environment without what would lead the program out of its home. */
function carriedEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (
      value !== undefined &&
      !name.startsWith("XDG_") &&
      !/^(BANGER_(SOCKET|AGENT|DEBUG)|NO_COLOR|FORCE_COLOR)$/.test(name)
    )
      kept[name] = value;
  }
  return kept;
}

async function feed(child: Child, input: string | Uint8Array | undefined): Promise<void> {
  try {
    if (input !== undefined) {
      child.stdin.write(input);
      await child.stdin.flush();
    }
    await child.stdin.end();
  } catch {
    // The program ended without reading it all: its outcome tells.
  }
}
