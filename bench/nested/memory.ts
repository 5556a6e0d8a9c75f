/** What an idle VM costs, beside others of its template. */
import { privateMib } from "../saves.ts";
import { rowOf } from "../stats.ts";
import { say } from "../timing.ts";
import { type Bench, besideVm, type Figures, shownNames, vmFlags } from "./vms.ts";

/** how old a clone is when its memory is looked at, in `ms` */
const idleMs = 10_000;
/** of the VMM, in `MiB` */
const reach = { qemu: 45, firecracker: 25 };

export async function memory(bench: Bench): Promise<Figures> {
  const { home, driver, runs } = bench;
  const what = `${shownNames[driver]}: private memory of an idle clone`;
  const row = rowOf({ what, unit: "MiB", reach: { ms: reach[driver] } });
  await besideVm(bench, [], async () => {
    const other = home.processOf(driver).pid;
    for (let run = 0; run < Math.min(runs, 3); run++) {
      await home.ok(["vm", "run", "--name", "clone", "--detach", ...vmFlags(bench, driver)]);
      await Bun.sleep(idleMs);
      const clone = home.processes().find(({ name, pid }) => name.startsWith(driver) && pid !== other);
      if (!clone) throw new Error("a clone has no VMM");
      row.ours.push(privateMib(clone.pid));
      await home.ok(["vm", "delete", "clone"]);
      say(row);
    }
  });
  return { rows: [row], breakdowns: [] };
}
