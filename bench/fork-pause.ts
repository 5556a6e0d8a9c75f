/** How long a VM stands still while it is forked, as somebody sees it who reads what its program prints. */
import { join } from "node:path";
import { Deferred } from "../src/base/async.ts";
import type { Home } from "../test/e2e/home.ts";
import { median, type Row, rowOf } from "./stats.ts";
import { say, timed } from "./timing.ts";

const mib = 256;

/** Fills memory and keeps it, then prints without end, every few milliseconds. */
const program = `$| = 1; my $kept = "banger" x (${mib} * 1048576 / 6); for (;;) { print "."; select undef, undef, undef, 0.005 }`;

/** A program is watched for its usual gap this often, for so many `ms` each time. */
const watches = 5;
const watchedMs = 400;

export async function forkPause(home: Home, runs: number): Promise<Row> {
  const row = rowOf({
    what: `fork: pause seen by the parent, ${mib} MiB in use`,
    floorWhat: "dd of as much",
    reach: { ratio: 3 },
  });
  await home.ok(["vm", "run", "--name", "parent", "--detach"]);
  const printing = home.spawn(["vm", "exec", "parent", "--", "perl", "-e", program]);
  try {
    const output = watch(printing.stdout);
    await output.begun;
    for (let run = 0; run < runs; run++) {
      row.floor.push(await timed(() => writeToDisk(home)));
      const usual = await usualGap(output);
      const forked = await output.longestGap(() => home.ok(["vm", "fork", "parent", "child"]));
      row.ours.push(forked - usual);
      await home.ok(["vm", "delete", "child"]);
      say(row);
    }
    return row;
  } finally {
    printing.kill();
    await home.ok(["vm", "delete", "parent"]);
  }
}

async function usualGap(output: Output): Promise<number> {
  const gaps: number[] = [];
  for (let at = 0; at < watches; at++) gaps.push(await output.longestGap(() => Bun.sleep(watchedMs)));
  return median(gaps);
}

/** Tells how long nothing came, in `ms`. */
type Output = { begun: Promise<void>; longestGap(work: () => Promise<unknown>): Promise<number> };

function watch(output: ReadableStream<Uint8Array>): Output {
  const begun = new Deferred<void>();
  let [last, longest] = [performance.now(), 0];
  const note = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  void (async () => {
    for await (const _ of output) {
      note();
      begun.resolve();
    }
  })();
  const longestGap = async (work: () => Promise<unknown>) => {
    note();
    longest = 0;
    await work();
    note();
    return longest;
  };
  return { begun: begun.promise, longestGap };
}

/** As a save does it: into the page cache of the disk that VMs are on. */
async function writeToDisk(home: Home): Promise<void> {
  const path = join(home.folder, "s/banger/dd");
  const dd = Bun.spawn(["dd", "if=/dev/zero", `of=${path}`, "bs=1M", `count=${mib}`], { stderr: "ignore" });
  if ((await dd.exited) !== 0) throw new Error("dd failed");
}
