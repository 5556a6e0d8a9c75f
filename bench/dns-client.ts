/** Asks a DNS server one query after the other. As a program, `dns-client.ts ADDRESS PORT`, it prints how long the answers took as JSON. */
import dgram from "node:dgram";
import { queryBytes } from "../src/wire/dns/testing/messages.ts";

const queries = 2000;

/** Of each query, half of them for a name that is not there; in `ms`. */
export async function answerTimes(address: string, port: number): Promise<number[]> {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  const times: number[] = [];
  for (let id = 0; id < queries; id++) {
    const query = queryBytes({ id, name: [id % 2 === 0 ? "sandbox" : "other", "vm"], udpSize: 1232 });
    const begun = performance.now();
    const answer = new Promise<Buffer>((resolve) => socket.once("message", resolve));
    socket.send(query, port, address);
    if ((await answer).readUInt16BE(0) !== id) throw new Error("an answer to another query");
    times.push(performance.now() - begun);
  }
  socket.close();
  return times;
}

if (import.meta.main) {
  const [address = "", port = ""] = process.argv.slice(2);
  console.log(JSON.stringify(await answerTimes(address, Number(port))));
}
