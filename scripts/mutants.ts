/**
 * `make mutants`: changes one thing at a time in a copy of the tree, runs the tests that should notice, and prints each change that
 * none of them did, as `FILE:LINE  before -> after`. Arguments: files of `mutant-files.ts`, else all. Exit status: 1 when a change
 * survived that `mutants-explained.ts` does not explain, or when an explained one is noticed, or impossible, by now.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mutantFiles } from "./mutant-files.ts";
import { explained } from "./mutants-explained.ts";
import { mutationsOf } from "./mutations.ts";

/** A change that makes tests hang is one that they notice: a place of tests has so many times what it takes without a change. */
const patience = 5;
/** of each test, in `ms`: longer than any place has, so that a slow machine fails no test */
const testTimeoutMs = 3_600_000;
/** what a place of tests has without a change, and the least that it has with one, in `ms` */
const limitMs = { unchanged: 600_000, least: 10_000 };
const root = join(import.meta.dirname, "..");
// some checks of who somebody is can only be tested as root
const gated = process.getuid?.() === 0 ? "vm,tool,attack,nested,system" : "vm,root,tool,attack,nested,system";
const ignored = `--path-ignore-patterns=**/*.{${gated}}.test.ts`;
/** not copied, but used: the agent's dependencies are built once */
const built = join(root, "agent/target");
const copy = mkdtempSync(join(tmpdir(), "mutants-"));

/** a program that runs some tests, in a folder of the copy */
type Tests = { argv: string[]; folder: string };
type Place = Tests & { limitMs: number };
type Tally = { mutants: number; killed: number; explained: number; open: number };

try {
  process.exitCode = await runAll(process.argv.slice(2));
} finally {
  rmSync(copy, { recursive: true, force: true });
}

async function runAll(chosen: string[]): Promise<number> {
  const files = chosen.length > 0 ? chosen : Object.keys(mutantFiles);
  const unknown = files.filter((file) => mutantFiles[file] === undefined);
  if (unknown.length > 0) return say(`not in scripts/mutant-files.ts: ${unknown.join(", ")}`, 2);
  for (const part of ["src", "scripts", "protocol", "docs", "agent", "package.json", "tsconfig.json"])
    cpSync(join(root, part), join(copy, part), { recursive: true, filter: (path) => path !== built });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const total: Tally = { mutants: 0, killed: 0, explained: 0, open: 0 };
  for (const file of files) {
    const tally = await runFile(file);
    if (tally === null) return 1;
    for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
  }
  return say(describe("all", total), total.open > 0 ? 1 : 0);
}

/** Null when the tests fail without any change. */
async function runFile(file: string): Promise<Tally | null> {
  const source = readFileSync(join(root, file), "utf8");
  const tests = await measured(testsOf(file));
  if (tests === null) {
    say(`${file}: its tests fail without any change`, 1);
    return null;
  }
  const mutations = mutationsOf(source, isRust(file) ? "rust" : "typescript");
  const tally: Tally = { mutants: mutations.length, killed: 0, explained: 0, open: 0 };
  for (const { line, what, source: changed } of mutations) {
    const isNoticed = await notice(tests, (isChanged) => writeFileSync(join(copy, file), isChanged ? changed : source));
    const isExplained = explained[file]?.[what] !== undefined;
    tally[outcome(isNoticed, isExplained)]++;
    if (isNoticed && isExplained)
      say(`${file}:${line}  a test notices this, take it out of mutants-explained.ts: ${what}`, 1);
    if (!isNoticed && !isExplained) say(`${file}:${line}  ${what}`, 1);
  }
  writeFileSync(join(copy, file), source);
  const possible = new Set(mutations.map(({ what }) => what));
  for (const what of Object.keys(explained[file] ?? {})) {
    if (possible.has(what)) continue;
    tally.open++;
    say(`${file}: no line is like this any more, take it out of mutants-explained.ts: ${what}`, 1);
  }
  say(describe(file, tally), 0);
  return tally;
}

function outcome(isNoticed: boolean, isExplained: boolean): "killed" | "explained" | "open" {
  if (isNoticed === isExplained) return "open";
  return isNoticed ? "killed" : "explained";
}

function describe(what: string, { mutants, killed, explained: known, open }: Tally): string {
  return `${what}: ${mutants} mutants, ${killed} killed, ${known} explained, ${open} open`;
}

/** The tests beside the file, and those that are declared: files and folders, or modules of the agent. */
function testsOf(file: string): Tests[] {
  const declared = mutantFiles[file] ?? [];
  if (isRust(file)) return [moduleOf(file), ...declared].map(cargoTests);
  const own = file.replace(/\.ts$/, ".test.ts");
  return [...(existsSync(join(root, own)) ? [own] : []), ...declared].map(bunTests);
}

function bunTests(path: string): Tests {
  return {
    argv: [process.execPath, "test", "--bail", `--timeout=${testTimeoutMs}`, ignored, `./${path}`],
    folder: copy,
  };
}

function cargoTests(module: string): Tests {
  return { argv: ["cargo", "test", "--quiet", "--locked", `${module}::`], folder: join(copy, "agent") };
}

function isRust(file: string): boolean {
  return file.endsWith(".rs");
}

/** `agent/src/sys/seccomp.rs`: `sys::seccomp` */
function moduleOf(file: string): string {
  return file.replace(/^agent\/src\/|(?:\/mod)?\.rs$/g, "").replaceAll("/", "::");
}

/** How long each place of tests may take; null when one fails as it is. */
async function measured(all: Tests[]): Promise<Place[] | null> {
  const places: Place[] = [];
  for (const tests of all) {
    // the first run of a module builds what it depends on
    const limit = (await limitOf(tests)) && (await limitOf(tests));
    if (limit === null) return null;
    places.push({ ...tests, limitMs: limit });
  }
  return places;
}

/** From what they take now, without a change; null when they fail. */
async function limitOf(tests: Tests): Promise<number | null> {
  const started = performance.now();
  if ((await run({ ...tests, limitMs: limitMs.unchanged })) !== "passed") return null;
  return Math.ceil(Math.max(limitMs.least, patience * (performance.now() - started)));
}

/** One place after the other, because most changes are noticed by the first. @param write puts the file there, changed or not */
async function notice(places: Place[], write: (isChanged: boolean) => void): Promise<boolean> {
  for (const place of places) {
    write(true);
    let end = await run(place);
    if (end === "late") {
      // the machine may have become slower since the limit was measured
      write(false);
      place.limitMs = Math.max(place.limitMs, (await limitOf(place)) ?? 0);
      write(true);
      end = await run(place);
    }
    if (end !== "passed") return true;
  }
  return false;
}

/** timeout(1) kills what the tests have started too: cargo runs them in a child. */
async function run({ argv, folder, limitMs: timeout }: Place): Promise<"passed" | "failed" | "late"> {
  const limited = ["timeout", "--signal=KILL", String(timeout / 1000), ...argv];
  const env = { ...process.env, CARGO_TARGET_DIR: join(built, "mutants") };
  const child = Bun.spawn(limited, { cwd: folder, env, stdio: ["ignore", "ignore", "ignore"] });
  const status = await child.exited;
  if (status === 0) return "passed";
  // it kills itself by the same signal
  return child.signalCode === "SIGKILL" || status === 128 + 9 ? "late" : "failed";
}

function say(line: string, status: number): number {
  process.stdout.write(`${line}\n`);
  return status;
}
