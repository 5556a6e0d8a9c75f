/** How long an install takes, until both services answer. */
import type { SystemHost } from "../../test/system/host/host.ts";
import { buildFolder } from "../../test/system/host/product.ts";
import { owner } from "../../test/system/host/rootfs.ts";
import { type Row, rowOf } from "../stats.ts";
import { say } from "../timing.ts";

/** Nothing of it is left. */
export async function installs(host: SystemHost, runs: number): Promise<Row> {
  const row = rowOf({ what: "system install", reach: { ms: 5000 } });
  for (let run = 0; run < runs; run++) {
    row.ours.push(await timedSudo(host, [`${buildFolder}/banger`, "system", "install", "--owner", owner.name]));
    await timedSudo(host, ["banger", "system", "uninstall", "--purge", "--yes"]);
    say(row);
  }
  return row;
}

/** In `ms`. @throws when its status is not 0 */
async function timedSudo(host: SystemHost, argv: string[]): Promise<number> {
  const { code, ms, stderr } = await host.sudo(argv);
  if (code === 0) return ms;
  throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
}
