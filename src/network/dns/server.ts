/** The DNS server for VMs' names: on the bridge for guests and this host, on loopback for this host. */
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";
import { systemClock } from "../../host/clock.ts";
import { errnoOf } from "../../host/errno.ts";
import type { Logger } from "../../host/log.ts";
import { ownAddresses } from "../../host/net/own-addresses.ts";
import { listenTcp } from "../../host/net/tcp.ts";
import { bindUdp } from "../../host/net/udp.ts";
import { Connections } from "./connections.ts";
import { Responder } from "./responder.ts";
import { serveSession } from "./session.ts";
import type { DnsNetwork, VmNames } from "./zones.ts";

export type DnsOptions = {
  network: DnsNetwork;
  names: VmNames;
  log: Logger;
  /** default 53; 0 for any free one */
  port?: number;
  /** of a TCP connection without a query, in `ms` */
  idleMs?: number;
};

export type DnsServer = { readonly port: number /** Ends all connections too. */; close(): void };

const dnsPort = 53;
/** "a few seconds" (RFC 7766 section 6.2.3) */
const defaultIdleMs = 10_000;

/**
 * Serves UDP and TCP at the network's address until `close`, also when the host loses the address and gets it again meanwhile.
 * @throws DNS_UNAVAILABLE; with the reason EADDRNOTAVAIL while the host does not have the address, and EADDRINUSE for a port that is taken
 */
export async function startDns(options: DnsOptions): Promise<DnsServer> {
  const { network, port = dnsPort } = options;
  try {
    return await listen(options, network.address, port);
  } catch (error) {
    const reason = errnoOf(error) ?? (error as Error).message;
    throw fail("DNS_UNAVAILABLE", { address: network.address, port, reason }, error);
  }
}

async function listen(options: DnsOptions, address: string, asked: number): Promise<DnsServer> {
  const { network, names, log, idleMs = defaultIdleMs } = options;
  const responder = new Responder({ network, names, log, ownAddresses, clock: systemClock });
  const sessions = new Sessions(responder, idleMs);
  const trouble = (error: Error) => log.warn("a DNS socket reports an error", { address, error });
  const udp = await bindUdp(
    address,
    asked,
    (datagram, from) => {
      const answer = responder.answerDatagram(datagram, from.address);
      if (answer !== null) udp.send(answer, from);
    },
    trouble,
  );
  try {
    const tcp = await listenTcp(address, udp.port, (stream, from) => sessions.begin(stream, from), trouble);
    const close = () => {
      udp.close();
      tcp.close();
      sessions.endAll();
    };
    return { port: udp.port, close };
  } catch (error) {
    udp.close();
    throw error;
  }
}

class Sessions {
  readonly #responder: Responder;
  readonly #idleMs: number;
  readonly #connections = new Connections();
  readonly #streams = new Set<ByteStream>();

  constructor(responder: Responder, idleMs: number) {
    this.#responder = responder;
    this.#idleMs = idleMs;
  }

  begin(stream: ByteStream, from: string): void {
    const release = this.#connections.take(this.#responder.admit(from), from);
    if (release === null) return stream.destroy();
    this.#streams.add(stream);
    serveSession(stream, {
      answer: (query) => this.#responder.answerMessage(query),
      idleMs: this.#idleMs,
      onClose: () => {
        this.#streams.delete(stream);
        release();
      },
    });
  }

  endAll(): void {
    for (const stream of this.#streams) stream.destroy();
  }
}
