/** `vm run` from a template, both ways: with an interface on the bridge, and with a passt. */
import { phasesOf, reportedPhases } from "../../src/cli/bench-times.ts";
import type { Phase } from "../../src/model/event.ts";
import { small } from "../../test/system/host/host.ts";
import type { Measured } from "../from-template.ts";
import { rowOf } from "../stats.ts";
import { say } from "../timing.ts";
import type { Way, Ways } from "./ways.ts";

export async function starts({ system, rootless }: Ways, runs: number): Promise<Measured> {
  const row = rowOf({ what: "system mode: vm run --rm -- true", floorWhat: "rootless", reach: { ratio: 1.15 } });
  const ours: Phase[][] = [];
  const floor: Phase[][] = [];
  // the first ones make the templates, and find files and pages cold
  for (let run = -2; run < runs; run++) {
    const plain = [(await runTrue(rootless)).ms, (await runTrue(system)).ms] as const;
    const told = [await toldPhases(rootless), await toldPhases(system)] as const;
    if (run < 0) continue;
    row.floor.push(plain[0]);
    row.ours.push(plain[1]);
    floor.push(told[0]);
    ours.push(told[1]);
    say(row);
  }
  return {
    row,
    breakdowns: [
      { what: row.what, parts: phasesOf(ours) },
      { what: `${row.what}: floor`, parts: phasesOf(floor) },
    ],
  };
}

function runTrue(way: Way, flags: string[] = []) {
  return way.banger(["vm", "run", "--rm", ...flags, ...small, "--", "true"]);
}

async function toldPhases(way: Way): Promise<Phase[]> {
  return reportedPhases((await runTrue(way, ["--json"])).stderr);
}
