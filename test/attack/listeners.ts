/** Listeners of the user's, as a session bus, a key agent or a local service would be; each counts who came. */

import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";

export type Listeners = {
  unix: string;
  /** name in the abstract namespace, without its leading NUL */
  abstract: string;
  tcp: number;
  udp: number;
  /** everyone who came, by any of them */
  visits(): number;
  close(): Promise<void>;
};

/** @param unix path of the socket that is made */
export async function listenEverywhere(unix: string): Promise<Listeners> {
  let visits = 0;
  const abstract = `banger-attack-${process.pid}`;
  const servers = [unix, `\0${abstract}`, { host: "127.0.0.1", port: 0 }].map((address) =>
    net
      .createServer((socket) => {
        visits++;
        socket.destroy();
      })
      .listen(address as never),
  );
  const udp = dgram.createSocket("udp4", () => visits++).bind(0, "127.0.0.1");
  await Promise.all([...servers, udp].map((one) => once(one, "listening")));
  const tcp = servers[2]?.address();
  return {
    ...{ unix, abstract, udp: udp.address().port },
    tcp: typeof tcp === "object" && tcp ? tcp.port : -1,
    visits: () => visits,
    async close() {
      udp.close();
      for (const server of servers) server.close();
    },
  };
}

/** struct sockaddr_un of unix(7). @param name a path, or an abstract name with its leading NUL */
export function unixAddress(name: string): Uint8Array {
  const terminated = name.startsWith("\0") ? name : `${name}\0`;
  return Buffer.concat([Buffer.from([1, 0]), Buffer.from(terminated)]);
}

/** struct sockaddr_in of ip(7), on 127.0.0.1 */
export function loopbackAddress(port: number): Uint8Array {
  return Buffer.from([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}
