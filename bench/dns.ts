/** How long the DNS server takes to answer, against a socket that sends back what comes. Both on loopback, each in a process of its own. */
import { join } from "node:path";
import { answerTimes } from "./dns-client.ts";
import { quantile, type Row, rowOf } from "./stats.ts";
import { say } from "./timing.ts";

const testing = join(import.meta.dirname, "../src/network/dns/testing");

/** Path of a program that is the floor. */
export const udpEcho = join(import.meta.dirname, "udp-echo.ts");

export const dnsRow = (what: string): Row =>
  rowOf({ what: `${what}, p99 of 2,000`, floorWhat: "p99 of a UDP echo", reach: { ms: 2 } });

export async function dns(runs: number): Promise<Row[]> {
  const row = dnsRow("DNS answer");
  await using server = await started([process.execPath, join(testing, "server-program.ts"), "127.0.0.1", "8", "0"]);
  await using echo = await started([process.execPath, udpEcho]);
  for (let run = 0; run < runs; run++) {
    row.floor.push(quantile(await answerTimes("127.0.0.1", echo.port), 0.99));
    row.ours.push(quantile(await answerTimes("127.0.0.1", server.port), 0.99));
    say(row);
  }
  return [row];
}

/** Starts a server that prints `ready PORT`; it ends with its scope. */
export async function started(argv: string[]) {
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  const port = Number(/^ready (\d+)/.exec(Buffer.from(value ?? []).toString())?.[1]);
  const end = async () => {
    child.kill();
    await child.exited;
  };
  return { port, [Symbol.asyncDispose]: end };
}
