/** What came in on a stream and is not taken yet: bounded by credit, in order on each channel. */

import { ChannelQueue } from "./channel-queue.ts";
import { protocolError } from "./frame.ts";
import { initialCredit, type Json } from "./types.ts";

const maxEvents = 64;
/** credit goes back in pieces of at least this many bytes, or when little is left */
const creditStep = initialCredit / 4;

type WaitingEvent = { event: Json; after: number[] };

class Channel {
  readonly held = new ChannelQueue();
  /** a listener works on data */
  busy = false;
  /** bytes that the other side may still send */
  window = initialCredit;
  /** bytes taken but not given back as credit */
  owed = 0;
  ended = false;
}

export class Inbox {
  readonly #channels = [new Channel(), new Channel(), new Channel()];
  readonly #giveBack: (channel: number, bytes: number) => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #ordered: boolean;
  #events: WaitingEvent[] = [];
  #onData: ((channel: number, data: Uint8Array) => void | Promise<void>) | undefined;
  #onEof: ((channel: number) => void) | undefined;
  #onEvent: ((event: Json) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #listening: boolean;

  /**
   * @param opener this side opened the stream: its listeners come after the reply, events keep their place among data
   * @param onFailure what a listener threw; nothing more is delivered then
   */
  constructor(
    giveBack: (channel: number, bytes: number) => void,
    onFailure: (error: unknown) => void,
    opener: boolean,
  ) {
    this.#giveBack = giveBack;
    this.#onFailure = onFailure;
    this.#ordered = opener;
    this.#listening = !opener;
  }

  onData(listener: (channel: number, data: Uint8Array) => void | Promise<void>): void {
    this.#onData = listener;
    // after the caller has set its other listeners too
    queueMicrotask(() => this.#guarded(() => this.#advanceAll()));
  }

  onEof(listener: (channel: number) => void): void {
    this.#onEof = listener;
  }

  onEvent(listener: (event: Json) => void): void {
    this.#onEvent = listener;
    queueMicrotask(() => this.#guarded(() => this.#deliverEvents()));
  }

  /** From now on a listener that is not set is one that nobody wants. */
  listenersAreSet(): void {
    this.#listening = true;
    if (this.#onEnd) this.#guarded(() => this.#finish());
  }

  /** @throws AGENT_PROTOCOL when it is more than the credit allows */
  data(index: number, data: Uint8Array): void {
    const channel = this.#channel(index);
    if (channel.ended) throw protocolError("data after its end");
    if (data.length === 0) throw protocolError("an empty DATA");
    if (data.length > channel.window) throw protocolError("more data than credit");
    channel.window -= data.length;
    channel.held.push(data, this.#onData === undefined || channel.busy);
    this.#guarded(() => this.#advance(index, channel));
  }

  eof(index: number): void {
    const channel = this.#channel(index);
    if (channel.ended) throw protocolError("a second EOF");
    channel.ended = true;
    channel.held.pushEof();
    this.#guarded(() => this.#advance(index, channel));
  }

  /** @throws AGENT_PROTOCOL when too many wait */
  event(event: Json): void {
    if (this.#events.length >= maxEvents) throw protocolError(`more than ${maxEvents} events at once`);
    const after = this.#ordered ? this.#channels.map((channel) => channel.held.received) : [];
    this.#events.push({ event, after });
    this.#guarded(() => this.#deliverEvents());
  }

  /** Calls `done` once everything was taken; what nobody listens for counts as taken. */
  end(done: () => void): void {
    this.#onEnd = done;
    if (this.#listening) this.#guarded(() => this.#finish());
  }

  /** Forgets everything. */
  drop(): void {
    for (const channel of this.#channels) channel.held.clear();
    this.#events = [];
    this.#onData = undefined;
    this.#onEof = undefined;
    this.#onEvent = undefined;
    this.#onEnd = undefined;
  }

  /** Every listener is called within one of these. */
  #guarded(deliver: () => void): void {
    try {
      deliver();
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #finish(): void {
    this.#onData ??= () => {};
    this.#onEvent ??= () => {};
    this.#advanceAll();
    this.#settle();
  }

  #channel(index: number): Channel {
    const channel = this.#channels[index];
    if (!channel) throw protocolError(`channel ${index}`);
    return channel;
  }

  #advanceAll(): void {
    for (const [index, channel] of this.#channels.entries()) this.#advance(index, channel);
    this.#deliverEvents();
  }

  #advance(index: number, channel: Channel): void {
    while (this.#onData && !channel.busy) {
      const item = channel.held.shift();
      if (item === undefined) return;
      if (item === null) {
        this.#onEof?.(index);
        this.#took(index, channel, 0);
        continue;
      }
      const taking = this.#onData(index, item);
      if (!taking) {
        this.#took(index, channel, item.length);
        continue;
      }
      channel.busy = true;
      const next = () => {
        channel.busy = false;
        this.#guarded(() => {
          this.#took(index, channel, item.length);
          this.#advance(index, channel);
        });
      };
      taking.then(next, (error: unknown) => this.#onFailure(error));
    }
  }

  #took(index: number, channel: Channel, bytes: number): void {
    channel.held.taken++;
    channel.owed += bytes;
    if (!channel.ended && (channel.owed >= creditStep || channel.window < creditStep)) {
      channel.window += channel.owed;
      this.#giveBack(index, channel.owed);
      channel.owed = 0;
    }
    this.#deliverEvents();
    this.#settle();
  }

  #deliverEvents(): void {
    while (this.#onEvent) {
      const [first] = this.#events;
      if (!first?.after.every((count, index) => (this.#channels[index]?.held.taken ?? 0) >= count)) return;
      this.#events.shift();
      this.#onEvent(first.event);
    }
  }

  #settle(): void {
    // an event that waits has data before it that waits too
    if (!this.#onEnd || !this.#listening) return;
    if (this.#channels.some((channel) => channel.busy || channel.held.size > 0)) return;
    const done = this.#onEnd;
    this.#onEnd = undefined;
    done();
  }
}
