/**
 * The stream of a command in a guest. When the daemon that relays it ends, the stream is resumed through the next one: the guest's
 * agent keeps the command and the tail of its output, and the tail of its input is kept here.
 */
import { Deferred } from "../../base/async.ts";
import { isError } from "../../base/errors/error.ts";
import { integerOf } from "../../base/untrusted-json.ts";
import { randomBytes } from "../../host/random.ts";
import { protocolError } from "../../wire/agent/frame.ts";
import type { AgentClient, AgentStream, ExecRequest, Json, ResumeRequest } from "../../wire/agent/types.ts";
import { SentInput } from "./sent-input.ts";

/** Set the listeners synchronously after opening. */
export type CommandStream = Pick<AgentStream, "write" | "eof" | "event" | "onData" | "onEvent" | "closed" | "close">;

/** Opens a new session with the same VM, through the current daemon. Throws if that is not possible. */
export type Reopen = (signal: AbortSignal) => Promise<AgentClient>;

export type CommandOptions = {
  /** cancels waiting for the command to start */
  signal: AbortSignal;
  /** absent: the command ends with the daemon */
  reopen?: Reopen | undefined;
};

/** @throws what `AgentClient.open` throws */
export async function openCommand(
  client: AgentClient,
  request: ExecRequest,
  { signal, reopen }: CommandOptions,
): Promise<CommandStream> {
  if (!reopen) return client.open("exec", request, { signal });
  const token = Buffer.from(randomBytes(16)).toString("hex");
  const stream = await client.open("exec", { ...request, resumable: token }, { signal });
  // false with an older agent, or one that has too many resumable commands
  return stream.reply["resumable"] === true ? new ResumableStream(stream, token, reopen) : stream;
}

/** `ms` to reach the VM through the next daemon; the agent waits as long */
const patienceMs = 60_000;
/** sessions lost within `patienceMs` before giving up: a hostile guest can end each as soon as it begins */
const maxLosses = 20;
/** signals kept to be sent again; the agent queues up to 64 */
const maxSignals = 32;

class ResumableStream implements CommandStream {
  #stream: AgentStream;
  readonly #token: string;
  readonly #reopen: Reopen;
  /** the session of `#stream`, if it was opened here */
  #client: AgentClient | undefined;
  /** pending while there is no stream, or missed input is being sent */
  #resuming: Promise<void> | null = null;
  /** bytes received on each channel */
  readonly #received = [0, 0, 0];
  readonly #deliveries: Promise<void>[] = [Promise.resolve(), Promise.resolve(), Promise.resolve()];
  readonly #input = new SentInput();
  #inputEnded = false;
  #size: Json | undefined;
  #signals: Json[] = [];
  /** signals sent since the start */
  #signalCount = 0;
  readonly #end = new Deferred<void>();
  /** aborted when the stream is closed by its user */
  readonly #over = new AbortController();
  #exited = false;
  /** times of lost sessions, in `ms` */
  #losses: number[] = [];
  #onData: Parameters<AgentStream["onData"]>[0] = () => {};
  #onEvent: Parameters<AgentStream["onEvent"]>[0] = () => {};

  constructor(stream: AgentStream, token: string, reopen: Reopen) {
    this.#stream = stream;
    this.#token = token;
    this.#reopen = reopen;
    this.#end.promise.catch(() => {});
    this.#watch(stream);
  }

  get closed(): Promise<void> {
    return this.#end.promise;
  }

  onData(listener: Parameters<AgentStream["onData"]>[0]): void {
    this.#onData = listener;
    this.#stream.onData((channel, data) => this.#take(channel, data));
  }

  onEvent(listener: Parameters<AgentStream["onEvent"]>[0]): void {
    this.#onEvent = listener;
    this.#stream.onEvent((event) => this.#takeEvent(event));
  }

  /** Resolves when the data was sent, on this stream or a later one. */
  async write(channel: number, data: Uint8Array): Promise<void> {
    this.#input.add(data);
    await this.#stream.write(channel, data);
    while (this.#resuming) await this.#resuming;
  }

  eof(channel: number): void {
    this.#inputEnded = true;
    this.#stream.eof(channel);
  }

  event(event: Json): void {
    if (event["event"] === "resize") this.#size = event;
    else {
      this.#signals = [...this.#signals, event].slice(-maxSignals);
      this.#signalCount += 1;
    }
    this.#stream.event(event);
  }

  close(): void {
    this.#over.abort();
    this.#stream.close();
    this.#client?.destroy();
  }

  #watch(stream: AgentStream): void {
    stream.closed.then(
      () => !this.#exited && this.#end.resolve(),
      (error: unknown) => this.#lost(error),
    );
  }

  #lost(error: unknown): void {
    if (this.#exited) return;
    if (this.#over.signal.aborted || !isError(error, "SESSION_LOST")) return this.#end.reject(error as Error);
    const resuming = this.#resume().catch(() => this.#end.reject(error));
    const mine = resuming.then(() => {
      if (this.#resuming === mine) this.#resuming = null;
    });
    this.#resuming = mine;
  }

  /** In order: data of an earlier stream may still be being delivered. */
  #take(channel: number, data: Uint8Array): Promise<void> {
    this.#received[channel] = (this.#received[channel] ?? 0) + data.length;
    const delivery = (this.#deliveries[channel] ?? Promise.resolve()).then(() => this.#onData(channel, data));
    this.#deliveries[channel] = delivery;
    return delivery;
  }

  /** The exit is the last thing to come. The agent keeps the command until we close the stream. */
  #takeEvent(event: Json): void {
    if (event["event"] !== "exit") return this.#onEvent(event);
    this.#exited = true;
    void Promise.allSettled(this.#deliveries).then(() => {
      this.#onEvent(event);
      this.#end.resolve();
      this.close();
    });
  }

  async #resume(): Promise<void> {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(patienceMs)]);
    for (;;) {
      this.#countLoss();
      try {
        const client = await this.#reopen(signal);
        this.#client = client;
        return await this.#switchTo(await client.open("resume", this.#request(), { signal }));
      } catch (error) {
        this.#client?.destroy();
        // unless this daemon ended as well
        if (signal.aborted || !isError(error, "SESSION_LOST")) throw error;
      }
    }
  }

  #countLoss(): void {
    const now = performance.now();
    this.#losses = [...this.#losses.filter((time) => now - time < patienceMs), now];
    if (this.#losses.length > maxLosses) throw protocolError(`${maxLosses} sessions were lost within a minute`);
  }

  #request(): ResumeRequest {
    const [, stdout = 0, stderr = 0] = this.#received;
    return { token: this.#token, stdout, stderr };
  }

  /** Switches to the resumed stream; resolves when the input that the guest is missing was sent. */
  async #switchTo(stream: AgentStream): Promise<void> {
    const { stdin, signals } = stream.reply;
    const rest = this.#input.from(integerOf(stdin, 0, Number.MAX_SAFE_INTEGER) ?? -1);
    const missed = this.#signalCount - (integerOf(signals, 0, this.#signalCount) ?? Number.NaN);
    if (rest === null || Number.isNaN(missed)) throw protocolError("it acknowledges what was never sent");
    this.#stream = stream;
    this.onData(this.#onData);
    this.onEvent(this.#onEvent);
    this.#watch(stream);
    if (this.#size) stream.event(this.#size);
    for (const event of missed > 0 ? this.#signals.slice(-missed) : []) stream.event(event);
    const written = rest.length > 0 ? stream.write(0, rest) : Promise.resolve();
    if (this.#inputEnded) stream.eof(0);
    await written;
  }
}
