/**
 * One stream of a session, for either end: credit windows in both directions, data in order on each channel, and an end
 * that is delivered after all data.
 */
import { Deferred } from "../../base/async.ts";
import { isError, toBangerError } from "../../base/errors/error.ts";
import { protocolError } from "./frame.ts";
import { Inbox } from "./inbox.ts";
import { jsonPayload, parseJson } from "./json.ts";
import { parseRefusal, refusalError } from "./refusal.ts";
import { type AgentStream, type Frame, FrameType, initialCredit, type Json, maxPayload, type OnData } from "./types.ts";

/** What a stream needs from its session. */
export type StreamHost = {
  /** resolves when more data can be sent; undefined when it can be sent at once */
  send(frame: Frame): Promise<void> | undefined;
  /** both sides have sent CLOSE */
  over(id: number): void;
};

const empty = new Uint8Array();

export class Stream implements AgentStream {
  readonly id: number;
  readonly verb: string;
  args: Json;
  reply: Json = {};
  readonly #host: StreamHost;
  readonly #credit = [initialCredit, initialCredit, initialCredit];
  readonly #waiting: (Deferred<void> | null)[] = [null, null, null];
  /** unfinished writes on each channel */
  readonly #pending = [0, 0, 0];
  readonly #writes: Promise<void>[] = [Promise.resolve(), Promise.resolve(), Promise.resolve()];
  readonly #sentEof = [false, false, false];
  readonly #inbox: Inbox;
  readonly #end = new Deferred<void>();
  #onClosing: (() => void) | undefined;
  #sentClose = false;
  #gotClose = false;
  #lost = false;
  #failed = false;

  /** @param opener this end opened the stream: `accepted` must be called before it is used */
  constructor(id: number, verb: string, args: Json, host: StreamHost, opener: boolean) {
    this.id = id;
    this.verb = verb;
    this.args = args;
    this.#host = host;
    this.#inbox = new Inbox(
      (channel, bytes) => this.returnCredit(channel, bytes),
      (error) => this.fail(error),
      opener,
    );
    this.#end.promise.catch(() => {});
  }

  /** The peer accepted. Data that came with the REPLY waits until the opener has had a turn to set listeners. */
  accepted(reply: Json): void {
    this.reply = reply;
    setImmediate(() => this.#inbox.listenersAreSet());
  }

  get closed(): Promise<void> {
    return this.#end.promise;
  }

  /** The peer has closed or the session is lost: nothing more is received or sent. */
  get isOver(): boolean {
    return this.#lost || this.#gotClose;
  }

  /** We have sent CLOSE. */
  get isClosing(): boolean {
    return this.#sentClose;
  }

  /** Resolves when all was sent, or when the stream has ended and the data is dropped. */
  write(channel: number, data: Uint8Array, whole?: Buffer): Promise<void> | undefined {
    const { sent, room } = this.#sendNow(channel, data, whole);
    if (sent === data.length) return room;
    const mine = this.#inTurn(channel, async () => {
      if (room) await room;
      await this.#writeNow(channel, data.subarray(sent));
    });
    this.#writes[channel] = mine;
    return mine;
  }

  eof(channel: number): void {
    this.#writes[channel] = this.#inTurn(channel, async () => {
      if (this.#isMute || this.#sentEof[channel]) return;
      this.#sentEof[channel] = true;
      this.#host.send({ type: FrameType.Eof | channel, stream: this.id, payload: empty });
    });
  }

  event(event: Json): void {
    if (!this.#isMute) this.#host.send({ type: FrameType.Event, stream: this.id, payload: jsonPayload(event) });
  }

  onData(listener: OnData): void {
    this.#inbox.onData(listener);
  }

  onEof(listener: (channel: number) => void): void {
    this.#inbox.onEof(listener);
  }

  onEvent(listener: (event: Json) => void): void {
    this.#inbox.onEvent(listener);
  }

  /** Called as soon as the peer sends CLOSE, before its earlier data was taken. */
  onClosing(listener: () => void): void {
    this.#onClosing = listener;
    if (this.#gotClose) this.#notifyClosing();
  }

  #notifyClosing(): void {
    try {
      this.#onClosing?.();
    } catch (error) {
      this.fail(error);
    }
  }

  close(): void {
    this.#sendClose(empty);
  }

  /** Closes, with an error if given, after all earlier writes. */
  async finish(error?: { code: string; message: string }): Promise<void> {
    await Promise.all(this.#writes);
    this.#sendClose(error ? jsonPayload({ error }) : empty);
  }

  /**
   * A listener threw: this stream ends with AGENT_PROTOCOL, the session and its other streams continue. CLOSE is sent, and
   * everything that the peer sends before its own CLOSE is discarded.
   */
  fail(error: unknown): void {
    this.#failed = true;
    this.#sendClose(empty);
    this.#inbox.drop();
    this.#wake();
    this.#end.reject(deliveryError(error));
  }

  /** The peer refused, or the session is lost. */
  lose(error: Error): void {
    this.#lost = true;
    this.#wake();
    this.#inbox.drop();
    this.#end.reject(error);
  }

  /** @throws AGENT_PROTOCOL */
  take(frame: Frame): void {
    const channel = frame.type & 0x0f;
    if (this.#failed) return this.#discard(frame);
    if (frame.type >= FrameType.Eof) return this.#inbox.eof(channel);
    if (frame.type >= FrameType.Data) return this.#inbox.data(channel, frame.payload, frame.whole);
    if (frame.type === FrameType.Event) return this.#inbox.event(parseJson(frame.payload));
    if (frame.type === FrameType.Credit) return this.#takeCredit(frame.payload);
    if (frame.type === FrameType.Close) return this.#takeClose(frame.payload);
    throw protocolError(`frame type ${frame.type} on a stream`);
  }

  #discard(frame: Frame): void {
    if (frame.type !== FrameType.Close) return;
    this.#gotClose = true;
    this.#host.over(this.id);
  }

  get #isMute(): boolean {
    return this.#sentClose || this.#gotClose || this.#lost;
  }

  /** Synchronous when no write is pending on the channel, so that events and EOF keep their order with data. */
  async #inTurn(channel: number, act: () => Promise<void>): Promise<void> {
    const before = this.#writes[channel];
    const waiting = this.#pending[channel] ?? 0;
    this.#pending[channel] = waiting + 1;
    if (waiting > 0) await before;
    await act();
    this.#pending[channel] = (this.#pending[channel] ?? 1) - 1;
  }

  /** Sends what needs no wait: whole frames within the credit, until the connection has no room. */
  #sendNow(channel: number, data: Uint8Array, whole?: Buffer): { sent: number; room: Promise<void> | undefined } {
    let sent = 0;
    let room: Promise<void> | undefined;
    const isFree = this.#pending[channel] === 0 && !this.#isMute && !this.#sentEof[channel];
    while (isFree && !room && sent < data.length) {
      const payload = data.subarray(sent, sent + maxPayload);
      const credit = (this.#credit[channel] ?? 0) - payload.length;
      if (credit < 0) break;
      this.#credit[channel] = credit;
      sent += payload.length;
      room = this.#host.send({ type: FrameType.Data | channel, stream: this.id, payload, whole });
    }
    return { sent, room };
  }

  async #writeNow(channel: number, data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; ) {
      while (this.#credit[channel] === 0 && !this.#isMute) await this.#moreCredit(channel);
      if (this.#isMute || this.#sentEof[channel]) return;
      const size = Math.min(data.length - at, maxPayload, this.#credit[channel] ?? 0);
      this.#credit[channel] = (this.#credit[channel] ?? 0) - size;
      const payload = data.subarray(at, at + size);
      at += size;
      const room = this.#host.send({ type: FrameType.Data | channel, stream: this.id, payload });
      if (room) await room;
    }
  }

  #moreCredit(channel: number): Promise<void> {
    const waiting = this.#waiting[channel] ?? new Deferred<void>();
    this.#waiting[channel] = waiting;
    return waiting.promise;
  }

  #takeCredit(payload: Uint8Array): void {
    const channel = payload[0] ?? 0;
    if (payload.length !== 5 || channel > 2) throw protocolError("a malformed CREDIT");
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const credit = (this.#credit[channel] ?? 0) + view.getUint32(1, true);
    if (credit > initialCredit) throw protocolError("more credit than was spent");
    this.#credit[channel] = credit;
    this.#wake();
  }

  /** Lets blocked writers check again whether they can continue. */
  #wake(): void {
    this.#waiting.forEach((waiting, channel) => {
      this.#waiting[channel] = null;
      waiting?.resolve();
    });
  }

  /** Returns credit for data that was taken. */
  returnCredit(channel: number, bytes: number): void {
    if (this.#isMute) return;
    const payload = new Uint8Array(5);
    payload[0] = channel;
    new DataView(payload.buffer).setUint32(1, bytes, true);
    this.#host.send({ type: FrameType.Credit, stream: this.id, payload });
  }

  #sendClose(payload: Uint8Array): void {
    if (this.#sentClose || this.#lost) return;
    this.#sentClose = true;
    this.#host.send({ type: FrameType.Close, stream: this.id, payload });
    this.#wake();
    if (this.#gotClose) this.#host.over(this.id);
  }

  #takeClose(payload: Uint8Array): void {
    const reason = payload.length > 0 ? refusalError(this.verb, this.args, parseRefusal(parseJson(payload))) : null;
    this.#gotClose = true;
    this.#wake();
    this.#notifyClosing();
    if (this.#sentClose) this.#host.over(this.id);
    else this.#sendClose(empty);
    this.#inbox.end(() => (reason ? this.#end.reject(reason) : this.#end.resolve()));
  }
}

function deliveryError(error: unknown): Error {
  if (isError(error, "AGENT_PROTOCOL")) return error;
  return protocolError(`a listener failed: ${toBangerError(error).message.slice(0, 300)}`, error);
}
