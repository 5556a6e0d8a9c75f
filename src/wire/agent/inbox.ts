/** Received data and events of a stream that no listener has taken yet: bounded by credit, in order on each channel. */

import { ChannelQueue } from "./channel-queue.ts";
import { protocolError } from "./frame.ts";
import { initialCredit, type Json, type OnData } from "./types.ts";

const maxEvents = 64;
/** bytes; credit is returned in amounts of at least this much, or when the peer has little left */
const creditStep = initialCredit / 4;

type WaitingEvent = { event: Json; after: number[] };

class Channel {
  readonly queue = new ChannelQueue();
  /** a listener is processing data */
  busy = false;
  /** bytes that the peer may still send */
  window = initialCredit;
  /** bytes taken whose credit was not returned yet */
  unreturned = 0;
  ended = false;
}

export class Inbox {
  readonly #channels = [new Channel(), new Channel(), new Channel()];
  readonly #returnCredit: (channel: number, bytes: number) => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #ordered: boolean;
  #events: WaitingEvent[] = [];
  #onData: OnData | undefined;
  #onEof: ((channel: number) => void) | undefined;
  #onEvent: ((event: Json) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #listening: boolean;

  /**
   * @param opener this end opened the stream: its listeners are set after the reply, and events keep their order with data
   * @param onFailure gets the exception of a listener; nothing more is delivered then
   */
  constructor(
    returnCredit: (channel: number, bytes: number) => void,
    onFailure: (error: unknown) => void,
    opener: boolean,
  ) {
    this.#returnCredit = returnCredit;
    this.#onFailure = onFailure;
    this.#ordered = opener;
    this.#listening = !opener;
  }

  onData(listener: OnData): void {
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

  /** The owner has set all its listeners: data and events without one are discarded. */
  listenersAreSet(): void {
    this.#listening = true;
    if (this.#onEnd) this.#guarded(() => this.#finish());
  }

  /** @param whole as for `OnData` @throws AGENT_PROTOCOL when the data exceeds the credit */
  data(index: number, data: Uint8Array, whole?: Buffer): void {
    const channel = this.#channel(index);
    if (channel.ended) throw protocolError("data after EOF");
    if (data.length === 0) throw protocolError("an empty DATA");
    if (data.length > channel.window) throw protocolError("more data than credit");
    channel.window -= data.length;
    const waits = this.#onData === undefined || channel.busy || channel.queue.size > 0;
    if (waits) channel.queue.push(data);
    else channel.queue.received++;
    this.#guarded(() => (waits ? this.#advance(index, channel) : this.#deliver(index, channel, data, whole)));
  }

  eof(index: number): void {
    const channel = this.#channel(index);
    if (channel.ended) throw protocolError("a second EOF");
    channel.ended = true;
    channel.queue.pushEof();
    this.#guarded(() => this.#advance(index, channel));
  }

  /** @throws AGENT_PROTOCOL when too many wait */
  event(event: Json): void {
    if (this.#events.length >= maxEvents) throw protocolError(`more than ${maxEvents} events at once`);
    const after = this.#ordered ? this.#channels.map((channel) => channel.queue.received) : [];
    this.#events.push({ event, after });
    this.#guarded(() => this.#deliverEvents());
  }

  /** Calls `done` once everything was taken; data and events without a listener count as taken. */
  end(done: () => void): void {
    this.#onEnd = done;
    if (this.#listening) this.#guarded(() => this.#finish());
  }

  /** Discards everything, listeners too. */
  drop(): void {
    for (const channel of this.#channels) channel.queue.clear();
    this.#events = [];
    this.#onData = undefined;
    this.#onEof = undefined;
    this.#onEvent = undefined;
    this.#onEnd = undefined;
  }

  /** All listeners are called through this. */
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
    this.#finishIfDrained();
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
      const item = channel.queue.shift();
      if (item === undefined) return;
      if (item === null) {
        this.#onEof?.(index);
        this.#took(index, channel, 0);
        continue;
      }
      this.#deliver(index, channel, item);
    }
  }

  #deliver(index: number, channel: Channel, data: Uint8Array, whole?: Buffer): void {
    const { length } = data;
    const taking = this.#onData?.(index, data, whole);
    if (!taking) return this.#took(index, channel, length);
    channel.busy = true;
    const next = () => {
      channel.busy = false;
      this.#guarded(() => {
        this.#took(index, channel, length);
        this.#advance(index, channel);
      });
    };
    taking.then(next, (error: unknown) => this.#onFailure(error));
  }

  #took(index: number, channel: Channel, bytes: number): void {
    channel.queue.taken++;
    channel.unreturned += bytes;
    if (!channel.ended && (channel.unreturned >= creditStep || channel.window < creditStep)) {
      channel.window += channel.unreturned;
      this.#returnCredit(index, channel.unreturned);
      channel.unreturned = 0;
    }
    this.#deliverEvents();
    this.#finishIfDrained();
  }

  #deliverEvents(): void {
    while (this.#onEvent) {
      const [first] = this.#events;
      if (!first?.after.every((count, index) => (this.#channels[index]?.queue.taken ?? 0) >= count)) return;
      this.#events.shift();
      this.#onEvent(first.event);
    }
  }

  #finishIfDrained(): void {
    // an event waits only behind data, so the channels are all that need checking
    if (!this.#onEnd || !this.#listening) return;
    if (this.#channels.some((channel) => channel.busy || channel.queue.size > 0)) return;
    const done = this.#onEnd;
    this.#onEnd = undefined;
    done();
  }
}
