/** `Exec` with real processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { fail } from "../../base/errors/error.ts";
import { errnoOf } from "../errno.ts";
import { hostPace } from "../pace.ts";
import { missingTool } from "../packages.ts";
import type { Exec, ExecOptions, ExecResult } from "./exec.ts";

const defaultTimeoutMs = 60_000;
const defaultMaxBytes = 16 * 1024 * 1024;
const kept = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR"];

/** @param baseEnv the program's own environment, of which only PATH, HOME and the like are passed on */
export function createExec(baseEnv: Record<string, string>): Exec {
  const base = minimalEnvironment(baseEnv);
  return (argv, options = {}) => run(argv, options, base);
}

/** The environment of every child: where programs and the user's home are, and the C.UTF-8 locale. */
export function minimalEnvironment(env: Record<string, string | undefined>): Record<string, string> {
  const found = kept.flatMap((name) => (env[name] ? [[name, env[name]]] : []));
  const minimal: Record<string, string> = { ...Object.fromEntries(found), LANG: "C.UTF-8", LC_ALL: "C.UTF-8" };
  minimal["PATH"] = withAdminFolders(minimal["PATH"] ?? "/usr/local/bin:/usr/bin:/bin");
  return minimal;
}

function withAdminFolders(path: string): string {
  const missing = ["/usr/sbin", "/sbin"].filter((folder) => !path.split(":").includes(folder));
  return [path, ...missing].join(":");
}

async function run(argv: readonly string[], options: ExecOptions, base: Record<string, string>): Promise<ExecResult> {
  options.signal?.throwIfAborted();
  const started = performance.now();
  const program = argv[0] ?? "";
  const [first = "", ...rest] = [...(options.cage ?? []), ...argv];
  const child = spawn(first, rest, {
    env: { ...base, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const limits = new Limits(child, program, options);
  try {
    const ended = endOf(child, first, options.cwd);
    feed(child, options.input);
    const { exitCode, signal } = await ended;
    limits.throwIfBroken();
    const { stdout, stderr } = limits.collected();
    return { argv, exitCode, signal, stdout, stderr, durationMs: performance.now() - started };
  } finally {
    limits.end();
  }
}

function feed(child: ChildProcess, input: Uint8Array | string | undefined): void {
  // a program that does not read all its input breaks the pipe; its exit code shows whether it failed
  child.stdin?.on("error", () => {});
  if (input !== undefined) child.stdin?.end(input);
}

function endOf(
  child: ChildProcess,
  program: string,
  cwd: string | undefined,
): Promise<{ exitCode: number | null; signal: string | null }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ exitCode: number | null; signal: string | null }>();
  child.once("error", (error) => reject(startError(error, program, cwd)));
  child.once("close", (exitCode, signal) => resolve({ exitCode: signal ? null : exitCode, signal }));
  return promise;
}

/** The kernel reports the same error for a missing working directory and a missing program. */
export function startError(error: Error, program: string, cwd?: string): Error {
  const code = errnoOf(error);
  if (cwd !== undefined && !isFolder(cwd)) {
    return fail(
      "TOOL_FAILED",
      { tool: program, status: "an error at its start", said: `there is no folder ${cwd}` },
      error,
    );
  }
  if (code === "ENOENT" || code === "EACCES")
    return fail("TOOL_MISSING", { tool: program, ...missingTool(program) }, error);
  return fail(
    "TOOL_FAILED",
    { tool: program, status: code ?? "an error at its start", said: cwd ? `in ${cwd}` : "" },
    error,
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Ends the child when it runs too long, prints too much, or is aborted. */
class Limits {
  readonly #child: ChildProcess;
  readonly #program: string;
  readonly #options: ExecOptions;
  readonly #out: Buffer[][] = [[], []];
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onAbort = () => this.#break(this.#options.signal?.reason);
  #broken: unknown;

  constructor(child: ChildProcess, program: string, options: ExecOptions) {
    this.#child = child;
    this.#program = program;
    this.#options = options;
    const timeoutMs = Math.round((options.timeoutMs ?? defaultTimeoutMs) * hostPace());
    this.#timer = setTimeout(() => this.#break(this.#failed(`a timeout after ${timeoutMs / 1000} s`)), timeoutMs);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#collect(child.stdout, 0);
    this.#collect(child.stderr, 1);
  }

  #collect(stream: ChildProcess["stdout"], index: number): void {
    let left = this.#options.maxBytes ?? defaultMaxBytes;
    stream?.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) return this.#break(this.#failed("more output than allowed"));
      this.#out[index]?.push(chunk);
    });
  }

  #failed(status: string): Error {
    return fail("TOOL_FAILED", { tool: this.#program, status, said: "" });
  }

  /** A grandchild can keep the pipes open after the child's end; its output is ignored. */
  #break(why: unknown): void {
    this.#broken ??= why ?? new Error("aborted");
    this.#child.kill("SIGKILL");
    for (const pipe of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) pipe?.destroy();
  }

  throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  collected(): { stdout: Uint8Array; stderr: Uint8Array } {
    const [stdout, stderr] = this.#out.map((chunks) => Buffer.concat(chunks)) as [Buffer, Buffer];
    return { stdout, stderr };
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }
}
