/** How long the DNS server of a user's daemon takes to answer, against a socket that sends back what comes. Both on loopback, each in a process of its own. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { VmName } from "../src/base/names.ts";
import { openDatabase } from "../src/host/files/sqlite.ts";
import { createStore } from "../src/store/store.ts";
import { vmRecord } from "../src/store/testing/records.ts";
import type { Home } from "../test/e2e/home.ts";
import { answerTimes } from "./dns-client.ts";
import { quantile, type Row, rowOf } from "./stats.ts";
import { say } from "./timing.ts";

/** Path of a program that is the floor. */
export const udpEcho = join(import.meta.dirname, "udp-echo.ts");

export const dnsRow = (what: string): Row =>
  rowOf({ what: `${what}, p99 of 2,000`, floorWhat: "p99 of a UDP echo", reach: { ms: 2 } });

const medianRow = (): Row =>
  rowOf({ what: "DNS answer, median of 2,000", floorWhat: "median of a UDP echo", reach: { ms: 1 } });

export async function dns(home: Home, runs: number): Promise<Row[]> {
  const rows = [
    { row: medianRow(), part: 0.5 },
    { row: dnsRow("DNS answer"), part: 0.99 },
  ];
  const port = await serveNames(home);
  await using echo = await started([process.execPath, udpEcho]);
  for (let run = 0; run < runs; run++) {
    const floor = await answerTimes("127.0.0.1", echo.port);
    const ours = await answerTimes("127.0.0.1", port);
    for (const { row, part } of rows) {
      row.floor.push(quantile(floor, part));
      row.ours.push(quantile(ours, part));
      say(row);
    }
  }
  return rows.map(({ row }) => row);
}

/** Starts the daemon with a VM on record that is called as the client asks. @returns the port that its names are answered at */
async function serveNames(home: Home): Promise<number> {
  await home.banger(["daemon", "stop", "--force"]);
  const folder = join(home.folder, "s/banger");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const store = createStore(openDatabase(join(folder, "banger.sqlite")), Date.now);
  store.vms.add(vmRecord({ name: "sandbox" as VmName }));
  store.close();
  await home.ok(["vm", "ls"]);
  const { stdout } = await home.banger(["doctor", "--json"]);
  const found = (JSON.parse(stdout) as { name: string; text: string }[]).find(({ name }) => name === "dns");
  const port = Number(/127\.0\.0\.1 port (\d+)/.exec(found?.text ?? "")?.[1]);
  if (!port) throw new Error(`the daemon answers for no names: ${found?.text}`);
  return port;
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
