/** What came in on a stream and is not taken yet: bounded by credit, in order on each channel. */
import { protocolError } from "./frame.ts";
import { initialCredit, type Json } from "./types.ts";

const maxEvents = 64;
/** credit goes back in pieces of at least this many bytes, or when nothing is left to take */
const creditStep = initialCredit / 4;

type Channel = { queue: (Uint8Array | null)[]; busy: boolean; window: number; owed: number; ended: boolean; received: number; taken: number };
type WaitingEvent = { event: Json; after: number[] };

export class Inbox {
  readonly #channels: Channel[] = [0, 1, 2].map(() => ({
    queue: [],
    busy: false,
    window: initialCredit,
    owed: 0,
    ended: false,
    received: 0,
    taken: 0,
  }));
  readonly #giveBack: (channel: number, bytes: number) => void;
  readonly #ordered: boolean;
  #events: WaitingEvent[] = [];
  #onData: ((channel: number, data: Uint8Array) => void | Promise<void>) | undefined;
  #onEof: ((channel: number) => void) | undefined;
  #onEvent: ((event: Json) => void) | undefined;
  #onEnd: (() => void) | undefined;

  constructor(giveBack: (channel: number, bytes: number) => void, ordered: boolean) {
    this.#giveBack = giveBack;
    this.#ordered = ordered;
  }

  onData(listener: (channel: number, data: Uint8Array) => void | Promise<void>): void {
    this.#onData = listener;
    this.#advanceAll();
  }

  onEof(listener: (channel: number) => void): void {
    this.#onEof = listener;
    this.#advanceAll();
  }

  onEvent(listener: (event: Json) => void): void {
    this.#onEvent = listener;
    this.#deliverEvents();
  }

  /** @throws AGENT_PROTOCOL when it is more than the credit allows */
  data(index: number, data: Uint8Array): void {
    const channel = this.#channel(index);
    if (channel.ended) throw protocolError("data after its end");
    if (data.length === 0) throw protocolError("an empty DATA");
    if (data.length > channel.window) throw protocolError("more data than credit");
    channel.window -= data.length;
    this.#enqueue(index, channel, data);
  }

  eof(index: number): void {
    const channel = this.#channel(index);
    if (channel.ended) throw protocolError("a second EOF");
    channel.ended = true;
    this.#enqueue(index, channel, null);
  }

  /** @throws AGENT_PROTOCOL when too many wait */
  event(event: Json): void {
    if (this.#events.length >= maxEvents) throw protocolError(`more than ${maxEvents} events at once`);
    const after = this.#ordered ? this.#channels.map((channel) => channel.received) : [0, 0, 0];
    this.#events.push({ event, after });
    this.#deliverEvents();
  }

  /** Calls `done` once everything was taken; what nobody listens for counts as taken. */
  end(done: () => void): void {
    this.#onEnd = done;
    this.#onData ??= () => {};
    this.#onEvent ??= () => {};
    this.#advanceAll();
    this.#settle();
  }

  /** Forgets everything. */
  drop(): void {
    for (const channel of this.#channels) channel.queue = [];
    this.#events = [];
    this.#onData = undefined;
  }

  #channel(index: number): Channel {
    const channel = this.#channels[index];
    if (!channel) throw protocolError(`channel ${index}`);
    return channel;
  }

  #enqueue(index: number, channel: Channel, item: Uint8Array | null): void {
    channel.queue.push(item);
    channel.received++;
    this.#advance(index, channel);
  }

  #advanceAll(): void {
    this.#channels.forEach((channel, index) => this.#advance(index, channel));
    this.#deliverEvents();
  }

  #advance(index: number, channel: Channel): void {
    while (this.#onData && !channel.busy && channel.queue.length > 0) {
      const item = channel.queue.shift() as Uint8Array | null;
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
        this.#took(index, channel, item.length);
        this.#advance(index, channel);
      };
      taking.then(next, next);
    }
  }

  #took(index: number, channel: Channel, bytes: number): void {
    channel.taken++;
    channel.owed += bytes;
    if (channel.owed > 0 && (channel.owed >= creditStep || channel.window < creditStep) && !channel.ended) {
      channel.window += channel.owed;
      this.#giveBack(index, channel.owed);
      channel.owed = 0;
    }
    if (this.#events.length > 0) this.#deliverEvents();
    this.#settle();
  }

  #deliverEvents(): void {
    while (this.#onEvent) {
      const [first] = this.#events;
      if (!first || !first.after.every((count, index) => (this.#channels[index]?.taken ?? 0) >= count)) return;
      this.#events.shift();
      this.#onEvent(first.event);
    }
  }

  #settle(): void {
    if (!this.#onEnd || this.#events.length > 0) return;
    if (this.#channels.some((channel) => channel.busy || channel.queue.length > 0)) return;
    const done = this.#onEnd;
    this.#onEnd = undefined;
    done();
  }
}
