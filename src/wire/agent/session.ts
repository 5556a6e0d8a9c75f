/**
 * One end of a session: an `AgentClient` that opens streams, and `onOpen` for streams that the peer opens. A protocol
 * violation by the peer ends this session, never the process.
 */
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail, isError, toBangerError } from "../../base/errors/error.ts";
import { textOf } from "../../base/untrusted-json.ts";
import { encodeFrame, FrameDecoder, frameRoom, protocolError } from "./frame.ts";
import { jsonPayload, parseJson } from "./json.ts";
import { Opening } from "./opening.ts";
import { parseRefusal, refusalError } from "./refusal.ts";
import { bodySize, encodeOpen, RequestBody } from "./request-body.ts";
import { ServedStream } from "./served.ts";
import { Stream, type StreamHost } from "./stream.ts";
import {
  type AgentClient,
  type AgentStream,
  type Frame,
  FrameType,
  type Hello,
  type Json,
  maxStreams,
  type OpenOptions,
} from "./types.ts";

export type SessionOptions = {
  tag: number;
  /** `host` opens streams with odd ids, `agent` with even ones */
  side: "host" | "agent";
  /** of the VM, in messages */
  name?: string;
  hello?: Hello | null;
  /** called for each stream that the peer opens; without it, all are refused */
  onOpen?: (stream: ServedStream) => void;
};

/** Bytes of frames without flow control (all but DATA and EOF) that wait for a peer which does not read. */
const maxQueued = 8 * 1024 * 1024;

/** Bytes of a payload from which a frame's memory is used again. */
const minReused = 4096;

export class Session implements AgentClient {
  readonly hello: Hello | null;
  readonly #connection: ByteStream;
  readonly #options: SessionOptions;
  readonly #decoder: FrameDecoder;
  readonly #streams = new Map<number, Stream>();
  readonly #opening = new Map<number, Opening>();
  /** bodies of the peer's requests that are incomplete */
  readonly #bodies = new Map<number, RequestBody>();
  readonly #pings: Deferred<void>[] = [];
  readonly #notices: Json[] = [];
  readonly #closed = new Deferred<Error | undefined>();
  readonly #host: StreamHost;
  #onNotice: ((notice: Json) => void) | undefined;
  #nextId: number;
  #lastTheirs = 0;
  #queued = 0;
  /** where large frames are encoded */
  #room: Buffer | null = null;
  #draining: Promise<void> | null = null;
  #failure: Error | undefined;
  #over = false;

  /** Takes ownership of the connection, which must not have listeners. */
  constructor(connection: ByteStream, options: SessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.hello = options.hello ?? null;
    this.#decoder = new FrameDecoder(options.tag);
    this.#nextId = options.side === "host" ? 1 : 2;
    this.#host = {
      send: (frame) => this.#send(frame),
      over: (id) => this.#forget(id),
    };
  }

  /** Starts reading. @param early bytes received before */
  start(early?: Uint8Array): this {
    this.#connection.onClose((error) => this.#end(this.#failure ?? error));
    this.#connection.onEnd(() => this.#connection.destroy());
    if (early) this.#read(early);
    this.#connection.onData((chunk) => this.#read(chunk));
    return this;
  }

  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  async open(verb: string, args: Json, options: OpenOptions = {}): Promise<AgentStream> {
    options.signal?.throwIfAborted();
    if (this.#over) throw this.#lostError();
    if (this.#streams.size >= maxStreams) {
      throw fail("AGENT_REFUSED", { verb, reason: `${maxStreams} streams are open already`, code: "limit" });
    }
    const { open: payload, body } = encodeOpen(verb, args);
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new Stream(id, verb, args, this.#host, true);
    const opening = new Opening();
    this.#streams.set(id, stream);
    this.#opening.set(id, opening);
    this.#send({ type: FrameType.Open, stream: id, payload });
    if (body) void stream.write(0, body);
    try {
      await opening.wait(options, (seconds) => this.#unanswered(verb, seconds));
      return stream;
    } catch (error) {
      // the stream stays known until the peer has closed it too
      if (this.#opening.has(id)) stream.close();
      throw error;
    }
  }

  ping(): Promise<void> {
    if (this.#over) return Promise.reject(this.#lostError());
    const pong = new Deferred<void>();
    this.#pings.push(pong);
    this.#send({ type: FrameType.Ping, stream: 0, payload: new Uint8Array() });
    return pong.promise;
  }

  onNotice(listener: (notice: Json) => void): void {
    this.#onNotice = listener;
    for (const notice of this.#notices.splice(0)) listener(notice);
  }

  notice(notice: Json): void {
    this.#send({ type: FrameType.Notice, stream: 0, payload: jsonPayload(notice) });
  }

  /** The agent's first frame. */
  sendHello(hello: Hello): void {
    this.#send({ type: FrameType.Hello, stream: 0, payload: jsonPayload(hello) });
  }

  destroy(): void {
    this.#connection.destroy();
    this.#end(undefined);
  }

  #send(frame: Frame): Promise<void> | undefined {
    if (this.#over) return undefined;
    const bytes = this.#encode(frame);
    if (this.#connection.write(bytes)) return undefined;
    if (frame.type < FrameType.Data) this.#queued += bytes.length;
    if (this.#queued > maxQueued) this.#break(protocolError("the peer does not read"));
    this.#draining ??= this.#connection.drained().then(() => {
      this.#draining = null;
      this.#queued = 0;
    });
    return this.#draining;
  }

  /** Large frames use one buffer after the other's bytes are gone: new memory costs more than the copy into it. */
  #encode(frame: Frame): Buffer {
    if (frame.whole || frame.payload.length < minReused) return encodeFrame(frame, this.#options.tag);
    if (!this.#connection.holdsNothing?.()) this.#room = null;
    this.#room ??= frameRoom();
    return encodeFrame(frame, this.#options.tag, this.#room);
  }

  #read(chunk: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#decoder.push(chunk, (frame) => this.#take(frame));
    } catch (error) {
      // an exception of a listener (`onNotice`, `onOpen`) ends the session too
      this.#break(
        isError(error, "AGENT_PROTOCOL") ? error : protocolError(toBangerError(error).message.slice(0, 300), error),
      );
    }
  }

  #take(frame: Frame): void {
    if (this.#over) return;
    if (frame.stream === 0) return this.#takeControl(frame);
    if (frame.type === FrameType.Open) return this.#takeOpen(frame);
    const stream = this.#streams.get(frame.stream);
    if (!stream) return this.#requirePast(frame.stream);
    if (frame.type === FrameType.Reply) return this.#takeReply(stream, frame);
    if (this.#opening.has(frame.stream)) this.#requireEarly(stream, frame);
    const body = this.#bodies.get(frame.stream);
    if (body && frame.type === FrameType.Data) return this.#takeBody(stream, body, frame.payload);
    stream.take(frame);
  }

  #takeBody(stream: Stream, body: RequestBody, payload: Uint8Array): void {
    const rest = body.take(payload);
    stream.returnCredit(0, payload.length);
    if (rest === null) return;
    this.#bodies.delete(stream.id);
    stream.args = { ...rest, verb: stream.verb };
    this.#offer(stream);
  }

  #takeControl(frame: Frame): void {
    switch (frame.type) {
      case FrameType.Ping:
        if (frame.payload.length > 64) throw protocolError("a long PING");
        this.#send({ type: FrameType.Pong, stream: 0, payload: frame.payload });
        return;
      case FrameType.Pong:
        this.#pings.shift()?.resolve();
        return;
      case FrameType.Notice:
        return this.#takeNotice(parseJson(frame.payload));
      default:
        throw protocolError(`frame type ${frame.type} on the session itself`);
    }
  }

  #takeNotice(notice: Json): void {
    // on virtio-serial the connection stays open when the agent ends a session
    if (notice["notice"] === "broken")
      throw protocolError(`the agent ended the session: ${textOf(notice["why"], 200) ?? "no reason given"}`);
    if (this.#onNotice) this.#onNotice(notice);
    else if (this.#notices.push(notice) > 64) throw protocolError("too many notices");
  }

  #takeOpen(frame: Frame): void {
    const theirs = this.#options.side === "host" ? 0 : 1;
    if (frame.stream % 2 !== theirs || frame.stream <= this.#lastTheirs)
      throw protocolError("a stream id out of order");
    this.#lastTheirs = frame.stream;
    const request = parseJson(frame.payload);
    const { verb } = request;
    if (typeof verb !== "string") throw protocolError("OPEN without a verb");
    const stream = new Stream(frame.stream, verb, request, this.#host, false);
    const size = bodySize(request);
    // without `onOpen` (towards a guest) no body is kept, as every request is refused
    if (size !== null && this.#options.onOpen && this.#streams.size < maxStreams) {
      this.#streams.set(stream.id, stream);
      this.#bodies.set(stream.id, new RequestBody(size));
    } else this.#offer(stream);
  }

  /** Offers a stream whose request is complete. */
  #offer(stream: Stream): void {
    const served = new ServedStream(stream, (payload, refused) => {
      if (stream.isOver) return;
      this.#send({ type: FrameType.Reply, stream: stream.id, payload });
      if (refused) this.#streams.delete(stream.id);
    });
    const full = this.#streams.size >= maxStreams && !this.#streams.has(stream.id);
    this.#streams.set(stream.id, stream);
    if (full) served.refuse("limit", `${maxStreams} streams are open already`);
    else if (this.#options.onOpen) this.#options.onOpen(served);
    else served.refuse("unsupported", "this end takes no requests");
  }

  #takeReply(stream: Stream, frame: Frame): void {
    const opening = this.#opening.get(stream.id);
    if (!opening) throw protocolError("a second reply");
    const reply = parseJson(frame.payload);
    this.#opening.delete(stream.id);
    if (reply["ok"] === true) {
      stream.accepted(reply);
      return opening.accept();
    }
    this.#streams.delete(stream.id);
    const error = refusalError(stream.verb, stream.args, parseRefusal(reply));
    stream.lose(error);
    opening.fail(error);
  }

  /** Before the reply, only CREDIT for the request's body is allowed, and CLOSE of a stream that we have given up. */
  #requireEarly(stream: Stream, frame: Frame): void {
    if (frame.type === FrameType.Credit) return;
    if (frame.type !== FrameType.Close || !stream.isClosing) throw protocolError("a frame before the reply");
    this.#opening.delete(stream.id);
  }

  #forget(id: number): void {
    this.#streams.delete(id);
    this.#bodies.delete(id);
  }

  /** Late frames of an ended stream are ignored; frames of a stream that was never opened are a violation. */
  #requirePast(id: number): void {
    const isOurs = id % 2 === this.#nextId % 2;
    if (isOurs ? id >= this.#nextId : id > this.#lastTheirs)
      throw protocolError(`a frame for stream ${id}, which was never opened`);
  }

  #break(error: Error): void {
    this.#failure ??= error;
    this.#connection.destroy(error);
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure ??= error;
    const lost = this.#lostError();
    for (const opening of this.#opening.values()) opening.fail(lost);
    for (const pong of this.#pings) {
      pong.promise.catch(() => {});
      pong.reject(lost);
    }
    for (const stream of this.#streams.values()) stream.lose(lost);
    this.#streams.clear();
    this.#closed.resolve(this.#failure);
  }

  #unanswered(verb: string, seconds: number): Error {
    return fail("AGENT_UNREACHABLE", {
      name: this.#options.name ?? "?",
      reason: `no reply to ${verb} within ${seconds} s`,
    });
  }

  #lostError(): Error {
    const reason = this.#failure?.message ?? "its connection was closed";
    return fail("SESSION_LOST", { name: this.#options.name ?? "?", reason }, this.#failure);
  }
}
