/** Programs in the test host, run through its agent. */
import type { AgentClient, AgentStream, ExecExit, ExecRequest } from "../../../src/wire/agent/types.ts";

export type Ended = {
  code: number | null;
  signal: string | null;
  out: Uint8Array;
  stdout: string;
  stderr: string;
  ms: number;
};

export type CommandOptions = Pick<ExecRequest, "env" | "cwd" | "user" | "tty"> & {
  input?: string | Uint8Array;
  /** then SIGKILL, to the whole group; default 9 minutes */
  timeoutMs?: number;
};

export async function runCommand(agent: AgentClient, argv: string[], options: CommandOptions = {}): Promise<Ended> {
  const { input, timeoutMs = 540_000, ...request } = options;
  const begun = performance.now();
  const stream = await agent.open("exec", { argv, ...request });
  const chunks: Uint8Array[][] = [[], [], []];
  let exit: ExecExit | undefined;
  stream.onData((channel, data) => void chunks[channel]?.push(data.slice()));
  stream.onEvent((event) => {
    if (event["event"] === "exit") exit = event as unknown as ExecExit;
  });
  const timer = setTimeout(() => stream.event({ event: "signal", signal: "KILL" }), timeoutMs);
  // a terminal has no end until its user types it
  if (options.tty === undefined) await feed(stream, input);
  await stream.closed;
  clearTimeout(timer);
  if (exit === undefined) throw new Error(`${argv[0]} ended without a status`);
  const [out, err] = [Buffer.concat(chunks[1] ?? []), Buffer.concat(chunks[2] ?? [])];
  const status = "code" in exit ? { code: exit.code, signal: null } : { code: null, signal: exit.signal };
  return {
    ...status,
    out: new Uint8Array(out),
    stdout: out.toString(),
    stderr: err.toString(),
    ms: performance.now() - begun,
  };
}

async function feed(stream: AgentStream, input: string | Uint8Array | undefined): Promise<void> {
  try {
    if (input !== undefined) await stream.write(0, typeof input === "string" ? new TextEncoder().encode(input) : input);
    stream.eof(0);
  } catch {
    // the program ended without reading it all: its status tells
  }
}
