/** Listeners of the user's, as a session bus, a key agent or a local service would be; each counts who came. */

import dgram from "node:dgram";
import { EventEmitter, once } from "node:events";
import net from "node:net";

export type Visits = Record<"unix" | "abstract" | "tcp" | "udp", number>;

export type Listeners = {
  unix: string;
  /** name in the abstract namespace, without its leading NUL */
  abstract: string;
  tcp: number;
  udp: number;
  /** how many came, by each of them */
  visits(): Visits;
  /** resolves when somebody comes, from now on */
  nextVisits(): Record<keyof Visits, Promise<void>>;
  close(): Promise<void>;
};

/** @param unix path of the socket that is made */
export async function listenEverywhere(unix: string): Promise<Listeners> {
  const visits: Visits = { unix: 0, abstract: 0, tcp: 0, udp: 0 };
  const came = new EventEmitter();
  const visit = (by: keyof Visits) => {
    visits[by]++;
    came.emit(by);
  };
  const next = async (by: keyof Visits) => void (await once(came, by));
  const abstract = `banger-attack-${process.pid}-${made++}`;
  const listen = (by: keyof Visits, address: string | { host: string; port: number }) => {
    const server = net.createServer((socket) => {
      visit(by);
      socket.destroy();
    });
    return server.listen(address as never);
  };
  const tcp = listen("tcp", { host: "127.0.0.1", port: 0 });
  const servers = [listen("unix", unix), listen("abstract", `\0${abstract}`), tcp];
  const udp = dgram.createSocket("udp4", () => visit("udp")).bind(0, "127.0.0.1");
  await Promise.all([...servers, udp].map((one) => once(one, "listening")));
  const address = tcp.address();
  return {
    ...{ unix, abstract, udp: udp.address().port },
    tcp: typeof address === "object" && address ? address.port : -1,
    visits: () => visits,
    nextVisits: () => ({ unix: next("unix"), abstract: next("abstract"), tcp: next("tcp"), udp: next("udp") }),
    async close() {
      udp.close();
      for (const server of servers) server.close();
    },
  };
}

let made = 0;

/** struct sockaddr_un of unix(7). @param name a path, or an abstract name with its leading NUL */
export function unixAddress(name: string): Uint8Array {
  const terminated = name.startsWith("\0") ? name : `${name}\0`;
  return Buffer.concat([Buffer.from([1, 0]), Buffer.from(terminated)]);
}

/** struct sockaddr_in of ip(7), on 127.0.0.1 */
export function loopbackAddress(port: number): Uint8Array {
  return Buffer.from([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}
