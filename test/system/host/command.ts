/** Runs one program to its end. */
export type Ended = {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  ms: number;
};

export type CommandOptions = {
  /** the whole environment beside PATH and LANG */
  env?: Record<string, string>;
  input?: string | Uint8Array;
  /** then SIGKILL; default 3 minutes */
  timeoutMs?: number;
};

/** what every program finds in its environment */
export const basic = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };

export async function runProgram(argv: string[], options: CommandOptions = {}): Promise<Ended> {
  const begun = performance.now();
  const { input = "" } = options;
  const child = Bun.spawn(argv, {
    cwd: "/",
    env: { ...basic, ...options.env },
    stdin: typeof input === "string" ? new TextEncoder().encode(input) : input,
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 180_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return {
    code: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
    stdout,
    stderr,
    ms: performance.now() - begun,
  };
}
