/** Asks the root helper over its socket (`wire/helper/verbs.ts`). The helper is another program: what it sends has limits, and each answer a time. */

import { Deferred, withTimeout } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { isVmId } from "../base/names.ts";
import { integerOf, recordOf, textOf, textsOf } from "../base/untrusted-json.ts";
import { readAnswer } from "../wire/helper/answers.ts";
import { decodeBody, encodeFrame, FrameReader } from "../wire/helper/frames.ts";
import {
  firewallKinds,
  type Helper,
  type HelperErrorKind,
  type HelperRequest,
  type HelperStatus,
  maxFirewalls,
  maxStatusText,
  maxTaps,
} from "../wire/helper/verbs.ts";

/** The helper can't be asked; nothing is known of what it has done. */
export class HelperAway extends Error {
  override name = "HelperAway";
}

/** What the helper answered instead of doing it. */
export class HelperRefusal extends Error {
  override name = "HelperRefusal";
  readonly kind: HelperErrorKind;
  /** a network that is free, with `clash` */
  readonly free: string | undefined;

  constructor(kind: HelperErrorKind, message: string, free?: string) {
    super(message);
    this.kind = kind;
    this.free = free;
  }
}

/** Its methods throw HelperAway and HelperRefusal. */
export type HelperConnection = Helper & {
  /** Resolves when the connection has ended, with the reason. */
  readonly closed: Promise<string>;
  close(): void;
};

/** A verb runs a few programs, on a busy host in some seconds; in `ms`. */
const answerMs = 20_000;
/** Requests without an answer: more than VMs fit on a bridge of the usual size. */
const maxWaiting = 1024;

/** @param limitMs for each answer, from the request on */
export function helperOver(stream: ByteStream, limitMs = answerMs): HelperConnection {
  const line = new HelperLine(stream, limitMs);
  return {
    closed: line.closed,
    close: () => line.fail("it was closed"),
    ensureBridge: async (address, prefix) => void (await line.ask({ verb: "bridge.ensure", address, prefix })),
    ensureNat: async () => void (await line.ask({ verb: "nat.ensure" })),
    createTap: async (tap) => void (await line.ask({ verb: "tap.create", ...tap })),
    deleteTap: async (vm) => void (await line.ask({ verb: "tap.delete", vm })),
    routeResolver: async () => void (await line.ask({ verb: "resolver.route" })),
    unrouteResolver: async () => void (await line.ask({ verb: "resolver.unroute" })),
    status: async () => statusOf(await line.ask({ verb: "status" })),
  };
}

type Result = Record<string, unknown>;

class HelperLine {
  readonly #stream: ByteStream;
  readonly #limitMs: number;
  readonly #reader = new FrameReader();
  /** in the order in which they were asked */
  readonly #waiting: { id: number; answer: Deferred<Result> }[] = [];
  readonly #closed = new Deferred<string>();
  readonly closed = this.#closed.promise;
  #failure: string | null = null;
  #nextId = 1;

  constructor(stream: ByteStream, limitMs: number) {
    this.#stream = stream;
    this.#limitMs = limitMs;
    stream.onData((chunk) => this.#read(chunk));
    stream.onEnd(() => this.fail("it has ended the connection"));
    stream.onClose((error) => this.fail(error?.message ?? "it has ended the connection"));
  }

  async ask(request: HelperRequest): Promise<Result> {
    if (this.#failure !== null) throw new HelperAway(this.#failure);
    if (this.#waiting.length >= maxWaiting) throw new HelperAway(`${maxWaiting} requests have no answer yet`);
    const id = this.#nextId++;
    const answer = new Deferred<Result>();
    this.#waiting.push({ id, answer });
    this.#stream.write(encodeFrame({ id, ...request }));
    const late = `no answer to ${request.verb} within ${this.#limitMs / 1000} s`;
    return withTimeout(answer.promise, this.#limitMs, () => {
      // answers come in order: a later one could not be told from this one's
      this.fail(late);
      return new HelperAway(late);
    });
  }

  /** Ends the connection; each request without an answer fails. */
  fail(why: string): void {
    if (this.#failure !== null) return;
    this.#failure = why;
    for (const { answer } of this.#waiting.splice(0)) answer.reject(new HelperAway(why));
    this.#stream.destroy();
    this.#closed.resolve(why);
  }

  #read(chunk: Uint8Array): void {
    try {
      for (const body of this.#reader.push(chunk)) this.#answered(decodeBody(body));
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  #answered(value: unknown): void {
    const answer = readAnswer(value);
    const first = this.#waiting.shift();
    if (answer === null || first === undefined || answer.id !== first.id) {
      first?.answer.reject(new HelperAway("its answer is not one"));
      return this.fail("its answer is not one");
    }
    if ("result" in answer) return first.answer.resolve(answer.result);
    const { kind, message, free } = answer.error;
    first.answer.reject(new HelperRefusal(kind, message, free));
  }
}

/** @throws HelperAway when it is not of the agreed form */
function statusOf(result: Result): HelperStatus {
  const version = textOf(result["version"], 64);
  const pid = integerOf(result["pid"], 1, 2 ** 22);
  if (version === null || pid === null) throw new HelperAway("its status is not one");
  return {
    version,
    pid,
    bridge: bridgeOf(result["bridge"]),
    taps: textsOf(result["taps"], maxTaps, 8).filter(isVmId),
    nat: result["nat"] === true,
    resolver: resolverOf(result["resolver"]),
    firewalls: firewallsOf(result["firewalls"]),
  };
}

function firewallsOf(value: unknown): HelperStatus["firewalls"] {
  return (Array.isArray(value) ? value.slice(0, maxFirewalls) : []).flatMap((one) => {
    const { kind: name, passed, text: said } = recordOf(one) ?? {};
    const kind = firewallKinds.find((known) => known === name);
    const text = textOf(said, maxStatusText);
    return kind === undefined || text === null ? [] : [{ kind, passed: passed === true, text }];
  });
}

function bridgeOf(value: unknown): HelperStatus["bridge"] {
  const address = textOf(recordOf(value)?.["address"], 15);
  const prefix = integerOf(recordOf(value)?.["prefix"], 0, 32);
  return address === null || prefix === null ? null : { address, prefix };
}

function resolverOf(value: unknown): HelperStatus["resolver"] {
  const found = recordOf(value);
  if (found?.["routed"] === true) return { routed: true };
  return { routed: false, why: textOf(found?.["why"], maxStatusText) ?? "" };
}
