/** How long the DNS server takes to answer, against a socket that sends back what comes. Both on loopback, each in a process of its own. */
import dgram from "node:dgram";
import { join } from "node:path";
import { queryBytes } from "../src/wire/dns/testing/messages.ts";
import { quantile, type Row, rowOf } from "./stats.ts";
import { say } from "./timing.ts";

const queries = 2000;
const testing = join(import.meta.dirname, "../src/network/dns/testing");

export async function dns(runs: number): Promise<Row[]> {
  const row = rowOf({
    what: "DNS answer, p99 of 2,000",
    floorWhat: "p99 of a UDP echo",
    reach: { ms: 2 },
  });
  await using server = await started([join(testing, "server-program.ts"), "127.0.0.1", "8", "0"]);
  await using echo = await started([join(import.meta.dirname, "udp-echo.ts")]);
  for (let run = 0; run < runs; run++) {
    row.floor.push(quantile(await answerTimes(echo.port), 0.99));
    row.ours.push(quantile(await answerTimes(server.port), 0.99));
    say(row);
  }
  return [row];
}

/** Of one query after the other, half of them for a name that is not there; in `ms`. */
async function answerTimes(port: number): Promise<number[]> {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const times: number[] = [];
  for (let id = 0; id < queries; id++) {
    const query = queryBytes({ id, name: [id % 2 === 0 ? "sandbox" : "other", "vm"], udpSize: 1232 });
    const begun = performance.now();
    const answer = new Promise<Buffer>((resolve) => socket.once("message", resolve));
    socket.send(query, port, "127.0.0.1");
    if ((await answer).readUInt16BE(0) !== id) throw new Error("an answer to another query");
    times.push(performance.now() - begun);
  }
  socket.close();
  return times;
}

async function started(argv: string[]) {
  const child = Bun.spawn([process.execPath, ...argv], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  const port = Number(/^ready (\d+)/.exec(Buffer.from(value ?? []).toString())?.[1]);
  const end = async () => {
    child.kill();
    await child.exited;
  };
  return { port, [Symbol.asyncDispose]: end };
}
