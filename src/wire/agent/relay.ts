/**
 * Relays a client's connection to the daemon's one session with a guest. Credit is returned on one side when the other has
 * taken the data, so at most one window per direction is buffered here.
 */
import type { ByteStream } from "../../base/bytes.ts";
import { refusalOf } from "./refusal.ts";
import type { ServedStream } from "./served.ts";
import { Session } from "./session.ts";
import type { AgentClient, AgentStream, Json } from "./types.ts";

export type RelayOptions = {
  /** verbs that the client can use */
  allow: readonly string[];
  /** can replace each request before it is forwarded; an exception refuses it */
  onOpen?: (verb: string, request: Json) => Json;
  /** Sends the client news that belong to no stream, until the returned function is called. */
  notices?: Notices;
  /** Called on each change: whether there are open streams and all can be resumed over another session. */
  onResumable?: (isResumable: boolean) => void;
};

export type Notices = (send: (notice: Json) => void) => () => void;

/** Runs until either connection is closed, then closes the client's streams in the guest. Never rejects. */
export async function relayAgent(client: ByteStream, upstream: AgentClient, options: RelayOptions): Promise<void> {
  const relay = new Relay(client, upstream, options);
  const forget = onClosed(upstream, () => relay.session.destroy());
  const closed = relay.session.start().closed;
  const unsubscribe = options.notices?.((notice) => relay.session.notice(notice));
  await closed;
  unsubscribe?.();
  forget();
  relay.end();
}

class Relay {
  readonly session: Session;
  readonly #upstream: AgentClient;
  readonly #options: RelayOptions;
  /** each closes one of the client's streams in the guest */
  readonly #enders = new Set<() => void>();
  /** open streams, and whether each can be resumed */
  readonly #open = new Map<AgentStream, boolean>();
  #over = false;

  constructor(client: ByteStream, upstream: AgentClient, options: RelayOptions) {
    this.#upstream = upstream;
    this.#options = options;
    this.session = new Session(client, { tag: 0, side: "agent", onOpen: (served) => void this.#serve(served) });
  }

  end(): void {
    this.#over = true;
    for (const end of this.#enders) end();
  }

  async #serve(served: ServedStream): Promise<void> {
    const { verb } = served;
    if (!this.#options.allow.includes(verb)) return served.refuse("unsupported", `${verb} is not available to clients`);
    const abort = new AbortController();
    const giveUp = () => abort.abort();
    this.#enders.add(giveUp);
    served.stream.onClosing(giveUp);
    try {
      const { verb: _, ...args } = served.request;
      const request = this.#options.onOpen?.(verb, args) ?? args;
      const above = await this.#upstream.open(verb, request, { signal: abort.signal, timeoutMs: 0 });
      this.#join(served, above);
    } catch (error) {
      const { code, message } = refusalOf(error);
      if (!served.isAnswered) served.refuse(code, message);
    } finally {
      this.#enders.delete(giveUp);
    }
  }

  #join(served: ServedStream, above: AgentStream): void {
    if (this.#over) return above.close();
    const end = () => above.close();
    this.#enders.add(end);
    this.#count(above, isResumable(served.verb, above));
    above.closed.catch(() => {}).finally(() => this.#enders.delete(end));
    try {
      connect(served.accept(above.reply), above);
    } catch (error) {
      // the reply does not fit in a frame once it is encoded again
      above.close();
      throw error;
    }
  }

  #count(stream: AgentStream, isResumable: boolean): void {
    const report = () => this.#options.onResumable?.(this.#open.size > 0 && [...this.#open.values()].every(Boolean));
    this.#open.set(stream, isResumable);
    report();
    const forget = () => {
      this.#open.delete(stream);
      report();
    };
    stream.closed.then(forget, forget);
  }
}

/** Whether the agent lets the client resume this stream over another session. */
function isResumable(verb: string, { reply }: AgentStream): boolean {
  return verb === "resume" || reply["resumable"] === true;
}

function connect(below: ServedStream["stream"], above: AgentStream): void {
  // the client is gone, or its data can't be forwarded
  below.closed.catch(() => above.close());
  below.onClosing(() => above.close());
  below.onData((channel, data, whole) => above.write(channel, data, whole));
  below.onEof((channel) => above.eof(channel));
  below.onEvent((event) => above.event(event));
  above.onData((channel, data, whole) => below.write(channel, data, whole));
  above.onEof((channel) => below.eof(channel));
  above.onEvent((event) => below.event(event));
  above.closed.then(
    () => below.finish(),
    (error: unknown) => below.finish(refusalOf(error)),
  );
}

/** Listeners of all relays of a session, removable one by one: a session outlives its relays, and a promise keeps its callbacks. */
const watched = new WeakMap<AgentClient, Set<() => void>>();

/** @returns removes the listener */
function onClosed(upstream: AgentClient, listener: () => void): () => void {
  let listeners = watched.get(upstream);
  if (!listeners) {
    const made = new Set<() => void>();
    watched.set(upstream, made);
    void upstream.closed.then(() => {
      watched.delete(upstream);
      for (const one of made) one();
    });
    listeners = made;
  }
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
