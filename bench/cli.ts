/** What a key press or a list costs: help, completion with a daemon and without one, and the list of many VMs. */
import type { Home } from "../test/e2e/home.ts";
import { type Row, rowOf } from "./stats.ts";
import { timed, times } from "./timing.ts";

const vms = 200;
const runs = 20;

export async function cli(home: Home): Promise<Row[]> {
  const measured = async (what: string, ms: number, args: string[]): Promise<Row> => {
    const once = () => timed(() => home.ok(args));
    await once();
    return rowOf({ what, ours: await times(what, runs, once), reach: { ms } });
  };
  // one that an earlier part started
  await home.banger(["daemon", "stop", "--force"]);
  const without = [
    await measured("banger --help", 25, ["--help"]),
    await measured("vm run --help", 25, ["vm", "run", "--help"]),
    await measured("completion of a command", 50, ["__complete", "--", "vm", "st"]),
    await measured("completion of a name, no daemon", 50, ["__complete", "--", "vm", "start", "b"]),
  ];
  for (let vm = 0; vm < vms; vm++) await home.ok(["vm", "create", "--name", `bench-${vm}`]);
  return [
    ...without,
    await measured(`completion of a name of ${vms}`, 50, ["__complete", "--", "vm", "start", "bench-19"]),
    await measured(`vm ls with ${vms} VMs`, 60, ["vm", "ls"]),
  ];
}
