/**
 * Every test, in groups, with one line at the end: `N passed, N failed, N skipped`. `make test` runs it after set-up and
 * build. As root the rootless tests run as an ordinary user made for them (`test-user.ts`).
 *
 * `BANGER_REQUIRE` (a list of vm, root, tools, …) turns a skip for want of such a thing into a failure.
 * Arguments: names of groups to run, else all.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Group, groups } from "./test-groups.ts";
import { type Counts, inOrder, runBun, runCargo, runPlain } from "./test-runners.ts";
import { asTestUser, endLeftovers } from "./test-user.ts";

const root = join(import.meta.dirname, "..");
const chosen = process.argv.slice(2);
/** what the VMs of the tests booted; null: there were none */
let kernel: string | null = null;
const results: { name: string; counts: Counts; seconds: number }[] = [];

process.chdir(root);
mkdirSync("build/test-results", { recursive: true });
rmSync("build/test-results/kernel", { force: true });
for (const group of groups.filter((item) => chosen.length === 0 || chosen.includes(item.name))) {
  const begun = Date.now();
  console.log(`\n==== ${group.name}: ${group.what}`);
  results.push({ name: group.name, counts: await run(group), seconds: (Date.now() - begun) / 1000 });
}
process.exitCode = report() ? 0 : 1;

async function run(group: Group): Promise<Counts> {
  if (group.kind === "plain") return runPlain(group);
  if (group.kind === "cargo") return runCargo(group);
  const place = group.user === "ordinary" && process.getuid?.() === 0 ? await asTestUser(root) : null;
  const counts = await runBun(group, place);
  kernel = kernelOf(place?.folder ?? root) ?? kernel;
  for (const left of place ? endLeftovers() : []) {
    counts.failed++;
    counts.notes.push(`left running: ${left}`);
  }
  return counts;
}

/** What the tests' default image booted with, as `test/e2e/golden.ts` notes it. */
function kernelOf(folder: string): string | null {
  const file = join(folder, "build/test-results/kernel");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
}

function report(): boolean {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  console.log("\n==== summary");
  for (const { name, counts, seconds } of results) {
    console.log(
      `${name.padEnd(10)} ${String(counts.passed).padStart(5)} passed ${String(counts.failed).padStart(4)} failed ` +
        `${String(counts.skipped).padStart(4)} skipped ${seconds.toFixed(1).padStart(8)} s`,
    );
    for (const key of ["passed", "failed", "skipped"] as const) sum[key] += counts[key];
  }
  for (const line of inOrder(results.flatMap(({ name, counts }) => counts.notes.map((note) => `${name}: ${note}`))))
    console.log(line);
  console.log(`kernel of the VMs: ${kernel ?? "none was booted"}`);
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  return sum.failed === 0 && sum.passed > 0;
}
