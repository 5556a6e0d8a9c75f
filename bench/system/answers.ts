/** How long the running service takes to answer for a VM's name, asked from its host. */
import { join } from "node:path";
import { defaultBridge } from "../../src/model/bridge.ts";
import { type SystemHost, small } from "../../test/system/host/host.ts";
import { dnsRow, started, udpEcho } from "../dns.ts";
import { quantile, type Row } from "../stats.ts";
import { say } from "../timing.ts";
import type { Ways } from "./ways.ts";

const client = join(import.meta.dirname, "../dns-client.ts");
const dnsPort = 53;

export async function answers(host: SystemHost, { system }: Ways, runs: number): Promise<Row> {
  const row = dnsRow("system mode: DNS answer");
  await system.banger(["vm", "run", "--name", "sandbox", "--detach", ...small]);
  // this host's programs in the other one's network
  const within = ["nsenter", `--target=${host.container.leader}`, "--net", "--", process.execPath];
  await using echo = await started([...within, udpEcho]);
  const p99 = async (address: string, port: number) =>
    quantile(await ask([...within, client, address, `${port}`]), 0.99);
  for (let run = 0; run < runs; run++) {
    row.floor.push(await p99("127.0.0.1", echo.port));
    row.ours.push(await p99(defaultBridge.address, dnsPort));
    say(row);
  }
  await system.banger(["vm", "delete", "sandbox"]);
  return row;
}

async function ask(argv: string[]): Promise<number[]> {
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "inherit" });
  return JSON.parse(await new Response(child.stdout).text()) as number[];
}
