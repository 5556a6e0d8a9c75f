/**
 * Joins a client's connection to the one session that the daemon holds with a guest. A stream's credit is given back on one
 * side when the other has taken the data, so at most a credit window waits here for each direction.
 */
import type { ByteStream } from "../../base/bytes.ts";
import { refusalOf } from "./refusal.ts";
import type { ServedStream } from "./served.ts";
import { Session } from "./session.ts";
import type { AgentClient, AgentStream, Json } from "./types.ts";

export type RelayOptions = {
  /** verbs that the client may use */
  allow: readonly string[];
  /** sees, and may change, each request before it goes on; a throw refuses it */
  onOpen?: (verb: string, request: Json) => Json;
  /** Has the client told what is not about one of its streams, until the answer is called. */
  notices?: Notices;
  /** Called at each change with whether every open stream of the client can be resumed over another session. */
  onResumable?: (isResumable: boolean) => void;
};

export type Notices = (tell: (notice: Json) => void) => () => void;

/** Runs until either connection is over; the client's streams in the guest are closed then. Never rejects. */
export async function relayAgent(client: ByteStream, upstream: AgentClient, options: RelayOptions): Promise<void> {
  const relay = new Relay(client, upstream, options);
  const forget = whenGone(upstream, () => relay.session.destroy());
  const closed = relay.session.start().closed;
  const silence = options.notices?.((notice) => relay.session.notice(notice));
  await closed;
  silence?.();
  forget();
  relay.end();
}

class Relay {
  readonly session: Session;
  readonly #upstream: AgentClient;
  readonly #options: RelayOptions;
  /** what ends each of the client's streams in the guest */
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
    if (!this.#options.allow.includes(verb)) return served.refuse("unsupported", `${verb} is not for clients`);
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
      // a reply that does not fit a frame when it is written anew
      above.close();
      throw error;
    }
  }

  #count(stream: AgentStream, isResumable: boolean): void {
    const tell = () => this.#options.onResumable?.(this.#open.size > 0 && [...this.#open.values()].every(Boolean));
    this.#open.set(stream, isResumable);
    tell();
    const forget = () => {
      this.#open.delete(stream);
      tell();
    };
    stream.closed.then(forget, forget);
  }
}

/** Whether the agent lets the client resume this stream over another session. */
function isResumable(verb: string, { reply }: AgentStream): boolean {
  return verb === "resume" || reply["resumable"] === true;
}

function connect(below: ServedStream["stream"], above: AgentStream): void {
  // the client is gone, or what it sent can't be handed on
  below.closed.catch(() => above.close());
  below.onClosing(() => above.close());
  below.onData((channel, data) => above.write(channel, data));
  below.onEof((channel) => above.eof(channel));
  below.onEvent((event) => above.event(event));
  above.onData((channel, data) => below.write(channel, data));
  above.onEof((channel) => below.eof(channel));
  above.onEvent((event) => below.event(event));
  above.closed.then(
    () => below.finish(),
    (error: unknown) => below.finish(refusalOf(error)),
  );
}

/** One entry for each relay over a session, which lives far longer than they do. */
const watched = new WeakMap<AgentClient, Set<() => void>>();

/** @returns how to have it forgotten */
function whenGone(upstream: AgentClient, listener: () => void): () => void {
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
