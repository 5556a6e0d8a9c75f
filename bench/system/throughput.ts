/** Bytes between a guest and a server outside of its host (iperf3), over the bridge against passt. */
import { type SystemHost, small } from "../../test/system/host/host.ts";
import { internet } from "../../test/system/host/outside.ts";
import { type Row, rowOf } from "../stats.ts";
import { say } from "../timing.ts";
import type { Way, Ways } from "./ways.ts";

/** what a row gives the time of */
const mib = 64;
/** of one measurement, in `s`; the first one is left out of it */
const [seconds, omitted] = [4, 1];

const directions = [
  { what: `${mib} MiB from a guest, iperf3`, flags: [] },
  { what: `${mib} MiB to a guest, iperf3`, flags: ["--reverse"] },
] as const;

/** The VMs run side by side, idle but for the one that is measured. */
export async function throughput(host: SystemHost, { system, rootless }: Ways, runs: number): Promise<Row[]> {
  await pack(host);
  for (const way of [rootless, system]) await startGuest(way);
  const rows: Row[] = [];
  for (const { what, flags } of directions) {
    const row = rowOf({ what, floorWhat: "through passt", reach: { ratio: 1 } });
    for (let run = 0; run < runs; run++) {
      row.floor.push(await transfer(host, rootless, flags));
      row.ours.push(await transfer(host, system, flags));
      say(row);
    }
    rows.push(row);
  }
  for (const way of [rootless, system]) await way.banger(["vm", "delete", "bench"]);
  return rows;
}

const program = "/usr/bin/iperf3";
const archive = "/tmp/iperf3.tar";

/** Packs the host's own program with its libraries, for guests. */
async function pack(host: SystemHost): Promise<void> {
  await host.shell(`tar -chf ${archive} -C / ${program.slice(1)} $(ldd ${program} | grep -o '/[^ ]*' | cut -c 2-)`);
}

/** Starts a server for one measurement, once that of the last one has ended: it refuses the next client until then. */
async function serve(host: SystemHost): Promise<void> {
  await host.shell(`cd /tmp; [ ! -e iperf3-pid ] || tail --pid="$(cat iperf3-pid)" -f /dev/null
: >iperf3-log
setsid ip netns exec outside ${program} --server --one-off --forceflush --bind ${internet} >>iperf3-log 2>&1 &
echo $! >iperf3-pid
timeout 10 tail -n +1 -f iperf3-log | grep -q -m 1 listening`);
}

async function startGuest(way: Way): Promise<void> {
  await way.banger(["vm", "run", "--name", "bench", "--detach", ...small]);
  await way.bangerWith(archive, ["vm", "exec", "bench", "--", "tar", "-xf", "-", "-C", "/"]);
}

/** What `mib` take, in `ms`, by what arrived in some seconds. */
async function transfer(host: SystemHost, way: Way, flags: readonly string[]): Promise<number> {
  await serve(host);
  const times = ["--time", String(seconds), "--omit", String(omitted)];
  const argv = [program, "--client", internet, "--json", ...times, ...flags];
  const { stdout } = await way.banger(["vm", "exec", "bench", "--", ...argv]);
  const { end, error } = JSON.parse(stdout) as { error?: string; end: { sum_received?: { bits_per_second: number } } };
  if (end.sum_received === undefined) throw new Error(`iperf3: ${error}`);
  return (mib * 2 ** 20 * 8 * 1000) / end.sum_received.bits_per_second;
}
