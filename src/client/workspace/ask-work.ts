/** Runs a script in a guest and gives what it prints, as fast as the reader takes it. */
import { withTimeout } from "../../base/async.ts";
import { BangerError, fail } from "../../base/errors/error.ts";
import { stripControl } from "../../base/text.ts";
import type { AgentClient, AgentStream } from "../../wire/agent/types.ts";
import { statusOfExit } from "../session/exit-status.ts";

export type GuestScript = {
  text: string;
  /** its `$1` */
  argument: string;
  cwd: string;
  input: Uint8Array;
  /** name of the VM, for errors */
  vm: string;
  /** exit codes that the script uses, with the errors that they mean */
  exits: Readonly<Record<number, () => BangerError>>;
};

/** A guest may read all of a large work tree before it prints anything; `ms` without a byte after which it is given up. */
const silenceMs = 15 * 60_000;
/** bytes kept of what it says on stderr */
const keptBytes = 4096;

type Item = { chunk: Uint8Array; taken: () => void };

/**
 * What the script prints on stdout, in chunks that the reader owns; complete when it ends without an error. It runs as root, by `sh`.
 * @throws WORKSPACE_PULL when it fails, those of `exits`, SESSION_LOST, the signal's reason
 */
export async function* scriptOutput(
  client: AgentClient,
  script: GuestScript,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const stream = await openScript(client, script, signal);
  const run = new Run(stream);
  const abort = () => stream.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    run.send(script.input);
    for (let item = await run.next(script.vm); item; item = await run.next(script.vm)) {
      yield item.chunk;
      item.taken();
    }
    await stream.closed;
    signal.throwIfAborted();
    if (run.status === 0) return;
    throw script.exits[run.status]?.() ?? failed(`its git ended with ${run.status}: ${run.lastLine()}`, script.vm);
  } finally {
    signal.removeEventListener("abort", abort);
    stream.close();
    run.drop();
  }
}

async function openScript(
  client: AgentClient,
  { text, argument, cwd, vm }: GuestScript,
  signal: AbortSignal,
): Promise<AgentStream> {
  try {
    return await client.open("exec", { argv: ["sh", "-c", text, "banger", argument], cwd, user: "root" }, { signal });
  } catch (error) {
    if (!(error instanceof BangerError) || error.code === "SESSION_LOST") throw error;
    throw fail(
      "WORKSPACE_PULL",
      {
        problem: `${cwd} in the guest can't be read: ${String(error.details["reason"] ?? error.message)}`,
        next: `see what is there: \`banger vm exec ${vm} -- ls -la ${cwd}\``,
      },
      error,
    );
  }
}

class Run {
  readonly #stream: AgentStream;
  readonly #items: Item[] = [];
  #said = Buffer.alloc(0);
  #wake = () => {};
  #isOver = false;
  status = -1;

  constructor(stream: AgentStream) {
    this.#stream = stream;
    stream.onData((channel, data) => (channel === 1 ? this.#take(data) : this.#hear(data)));
    stream.onEvent((event) => {
      if (event["event"] === "exit") this.status = statusOfExit(event);
    });
    stream.closed
      .finally(() => {
        this.#isOver = true;
        this.#wake();
      })
      .catch(() => {});
  }

  send(input: Uint8Array): void {
    void Promise.resolve(this.#stream.write(0, input)).then(() => this.#stream.eof(0));
  }

  /** Null at the end. */
  async next(vm: string): Promise<Item | null> {
    const late = () => failed(`the guest has printed nothing for ${silenceMs / 60_000} minutes`, vm);
    for (;;) {
      const item = this.#items.shift();
      if (item) return item;
      if (this.#isOver) return null;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await withTimeout(woken, silenceMs, late);
    }
  }

  lastLine(): string {
    return stripControl(this.#said.toString("utf8").trim().split("\n").at(-1) ?? "").slice(0, 300);
  }

  drop(): void {
    for (const item of this.#items) item.taken();
  }

  #take(data: Uint8Array): Promise<void> {
    return new Promise((taken) => {
      this.#items.push({ chunk: data.slice(), taken });
      this.#wake();
    });
  }

  #hear(data: Uint8Array): void {
    this.#said = Buffer.concat([this.#said, data]).subarray(-keptBytes);
  }
}

function failed(problem: string, vm: string): BangerError {
  return fail("WORKSPACE_PULL", {
    problem,
    next: `\`git status\` in the guest may show more: \`banger vm ssh ${vm}\``,
  });
}
