/**
 * The one way to run another program: an argv array, never a shell; C locale; a failure carries all output. Passed as `Exec`, which tests
 * replace by a table of command lines (`testing/exec.ts`).
 */
export type ExecOptions = {
  /** added to a minimal environment (PATH, HOME, USER, LANG=C.UTF-8, proxy variables are not passed) */
  env?: Record<string, string>;
  cwd?: string;
  input?: Uint8Array | string;
  /** default 60_000 `ms`; then SIGKILL */
  timeoutMs?: number;
  /** limit for stdout and stderr each, default 16 MiB; more is a failure */
  maxBytes?: number;
  signal?: AbortSignal;
  /** arguments before `argv`, from `ToolCage.around`; the result and errors name the program alone */
  cage?: readonly string[];
};

export type ExecResult = {
  argv: readonly string[];
  /** null when it was ended by `signal` */
  exitCode: number | null;
  signal: string | null;
  stdout: Uint8Array;
  stderr: Uint8Array;
  durationMs: number;
};

/** Runs a program to its end, with any exit code; throws `TOOL_MISSING` when there is no such program. */
export type Exec = (argv: readonly string[], options?: ExecOptions) => Promise<ExecResult>;
