/** From the bytes of a query to those of its answer, for whoever may ask. No I/O of its own. */
import type { Clock } from "../../host/clock.ts";
import type { Logger } from "../../host/log.ts";
import { tcpPayload, udpLimit, writeAnswer } from "../../wire/dns/answer.ts";
import type { Answer } from "../../wire/dns/message.ts";
import { type Received, readQuery } from "../../wire/dns/query.ts";
import { answerTo, failureTo } from "./answers.ts";
import { type Source, sourcesOf } from "./sources.ts";
import type { DnsNetwork, VmNames } from "./zones.ts";

export type ResponderDeps = {
  network: DnsNetwork;
  names: VmNames;
  log: Logger;
  clock: Clock;
  /** the host's own addresses, as `192.0.2.7` */
  ownAddresses(): readonly string[];
};

/** between two lines about the same, in `ms`: guests decide how often it happens */
const logEveryMs = 60_000;

export class Responder {
  readonly #deps: ResponderDeps;
  readonly #sourceOf: (address: string) => Source;
  readonly #failures: Occasional;
  readonly #refusals: Occasional;

  constructor(deps: ResponderDeps) {
    this.#deps = deps;
    const { network, ownAddresses, clock } = deps;
    const now = () => clock.monotonic();
    this.#sourceOf = sourcesOf({ network, ownAddresses, now });
    this.#failures = new Occasional(now);
    this.#refusals = new Occasional(now);
  }

  /** Null: nothing is sent, because it is no query or its sender may not ask. Never throws. */
  answerDatagram(datagram: Uint8Array, from: string): Uint8Array | null {
    if (this.admit(from) === "elsewhere") return null;
    return this.#answer(datagram, ({ edns }) => udpLimit(edns));
  }

  /** As `answerDatagram`, for a connection that was admitted. */
  answerMessage(message: Uint8Array): Uint8Array | null {
    return this.#answer(message, () => tcpPayload);
  }

  /** Where a sender is. One from elsewhere is noted in the log, now or with the next ones. */
  admit(from: string): Source {
    const source = this.#sourceOf(from);
    if (source === "elsewhere")
      this.#refusals.note((count) =>
        this.#deps.log.warn("DNS queries from outside of the VMs' network were refused", { from, count }),
      );
    return source;
  }

  #answer(message: Uint8Array, limitOf: (answer: Answer) => number): Uint8Array | null {
    const answer = this.#find(readQuery(message));
    return answer && writeAnswer(answer, limitOf(answer));
  }

  #find(received: Received): Answer | null {
    const { network, names, log } = this.#deps;
    try {
      return answerTo(received, network, names);
    } catch (error) {
      this.#failures.note((count) => log.error("names of VMs can't be looked up", { count, error }));
      return failureTo(received);
    }
  }
}

/** Reports what happens at most once a minute, with how often it has happened since the last report. */
class Occasional {
  readonly #now: () => number;
  #count = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(report: (count: number) => void): void {
    this.#count += 1;
    if (this.#now() - this.#reportedAt < logEveryMs) return;
    report(this.#count);
    this.#reportedAt = this.#now();
    this.#count = 0;
  }
}
