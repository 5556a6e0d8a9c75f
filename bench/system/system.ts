/**
 * System mode against what it stands beside: a user's own daemon with passt, in the same Debian with systemd (`test/system`), in turn. As root,
 * because that Debian needs it.
 */

import { SystemHost } from "../../test/system/host/host.ts";
import { makeOutside } from "../../test/system/host/outside.ts";
import type { Figures } from "../nested/vms.ts";
import { answers } from "./answers.ts";
import { installs } from "./installs.ts";
import { starts } from "./starts.ts";
import { throughput } from "./throughput.ts";
import { twoWays } from "./ways.ts";

export async function system(runs: number): Promise<Figures> {
  const host = await SystemHost.make();
  try {
    await makeOutside(host);
    const install = await installs(host, Math.min(runs, 3));
    const ways = await twoWays(host);
    const start = await starts(ways, 2 * runs);
    const rows = [
      start.row,
      ...(await throughput(host, ways, Math.min(runs, 3))),
      await answers(host, ways, runs),
      install,
    ];
    return { rows, breakdowns: start.breakdowns };
  } finally {
    await host.close();
  }
}
