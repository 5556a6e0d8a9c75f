/**
 * Cold boots in a row: not one may hang. `bun bench/boots.ts [N]` (default 100); each boot has three times the first one's
 * time, but at least a minute.
 */
import { cloneGolden } from "../test/e2e/golden.ts";
import { Home } from "../test/e2e/home.ts";
import { median } from "./stats.ts";

const wanted = Number(process.argv[2] ?? 100);
const home = new Home("boot");
const took: number[] = [];
const failed: string[] = [];
try {
  await cloneGolden(home);
  for (let boot = 1; boot <= wanted; boot++) {
    const timeoutMs = Math.max(60_000, 3 * (took[0] ?? 60_000));
    const done = await home.banger(["vm", "run", "--rm", "--cold", "--wait=agent", "--", "true"], { timeoutMs });
    if (done.code === 0) took.push(done.ms);
    else
      failed.push(
        `boot ${boot}: ${done.signal === "SIGKILL" ? `no end within ${timeoutMs} ms` : `status ${done.code}`}: ${done.stderr.slice(-300)}`,
      );
    if (boot % 10 === 0)
      console.log(
        `${boot} of ${wanted}: median ${median(took).toFixed(0)} ms, longest ${Math.max(...took).toFixed(0)} ms, ${failed.length} failed`,
      );
  }
} finally {
  await home.close();
}
for (const line of failed) console.log(line);
console.log(`${took.length} of ${wanted} cold boots answered`);
process.exitCode = failed.length === 0 ? 0 : 1;
