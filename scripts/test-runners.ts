/** Runs one group of tests and counts what happened. */
import { globSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import type { BunGroup, CargoGroup, PlainGroup } from "./test-groups.ts";
import { gatedEndings } from "./test-groups.ts";

/** `notes`: what a reader of the summary must know, one line each: skips with their reasons, failed files */
export type Counts = { passed: number; failed: number; skipped: number; notes: string[] };

/** Where and as whom tests run: another user's copy of the repository. */
export type Place = {
  folder: string /** put before the command */;
  prefix: string[] /** the whole environment */;
  env: Record<string, string>;
};

export async function runPlain(group: PlainGroup): Promise<Counts> {
  const counts = none();
  for (const { name, argv } of group.commands) {
    const status = await Bun.spawn(argv, { stdio: ["ignore", "inherit", "inherit"] }).exited;
    if (status === 0) counts.passed++;
    else note(counts, `${name} failed`);
    console.log(`${name}: ${status === 0 ? "ok" : "FAILED"}`);
  }
  return counts;
}

/** Sums cargo's `test result: ok. 12 passed; 0 failed; 1 ignored; …` lines. */
export async function runCargo(group: CargoGroup): Promise<Counts> {
  // timeout(1) ends the whole process group: cargo alone would leave the test program running, and its pipe open
  const child = Bun.spawn(["timeout", "--kill-after=10", "600", "cargo", "test", "--locked", "--color=never"], {
    cwd: group.folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = await new Response(child.stdout).text();
  const status = await child.exited;
  console.log(output);
  const counts = countCargo(output);
  if (status !== 0 && counts.failed === 0)
    note(counts, `cargo test ended with status ${status}${status === 124 ? " (over its time)" : ""}`);
  return counts;
}

export function countCargo(output: string): Counts {
  const counts = none();
  for (const found of output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored;/gm)) {
    counts.passed += Number(found[1]);
    counts.failed += Number(found[2]);
    counts.skipped += Number(found[3]);
  }
  return counts;
}

export async function runBun(group: BunGroup, place: Place | null): Promise<Counts> {
  const files = filesOf(group);
  const total = none();
  if (files.length === 0) return total;
  const batches = group.apart ? files.map((file) => [file]) : [files];
  const workers = Math.min(group.atOnce ?? 1, availableParallelism());
  const show = workers > 1 ? atItsEnd : asItComes;
  await forEach(batches, workers, async (batch) => {
    const counts = await runBatch(group, batch, place, show());
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    total.notes.push(...counts.notes);
  });
  return total;
}

/** Takes the items in order, `workers` at a time. Rejects with the first error. */
export async function forEach<T>(
  items: readonly T[],
  workers: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  // workers share one iterator
  const one = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: workers }, one));
}

/** Where a test program's output goes. */
type Show = { write(chunk: Uint8Array): void; end(): void };

function asItComes(): Show {
  return { write: (chunk) => void process.stderr.write(chunk), end() {} };
}

/** In one piece, because other programs write at the same time. */
function atItsEnd(): Show {
  const chunks: Uint8Array[] = [];
  return { write: (chunk) => void chunks.push(chunk), end: () => void process.stderr.write(Buffer.concat(chunks)) };
}

function filesOf(group: BunGroup): string[] {
  const all = globSync("{src,test,scripts,bench}/**/*.test.ts").sort();
  const gated = (file: string) => gatedEndings.some((ending) => file.endsWith(ending));
  return group.endings.length === 0
    ? all.filter((file) => !gated(file))
    : all.filter((file) => group.endings.some((ending) => file.endsWith(ending)));
}

async function runBatch(group: BunGroup, files: string[], place: Place | null, show: Show): Promise<Counts> {
  const folder = place?.folder ?? process.cwd();
  const label = files.length === 1 ? basename(files[0] ?? "", ".test.ts") : group.name;
  const report = join(folder, `build/test-results/${reportName(group, files)}.xml`);
  rmSync(report, { force: true });
  const argv = [
    resolve(folder, "node_modules/.bin/bun"),
    "test",
    `--timeout=${group.timeoutMs}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ];
  if (!group.apart) argv.push("--only-failures");
  argv.push(...files.map((file) => `./${file}`));
  const child = Bun.spawn([...(place?.prefix ?? []), ...argv], {
    cwd: folder,
    stdio: ["ignore", "inherit", "pipe"],
    env: place?.env ?? { ...process.env },
    timeout: group.apart ? 15 * 60_000 : 10 * 60_000,
    killSignal: "SIGKILL",
  });
  const said: string[] = [];
  const passing = passOn(child.stderr, said, show);
  const status = await child.exited;
  // a process that a test left running may keep the pipe open for good
  await Promise.race([passing, Bun.sleep(2000)]);
  show.end();
  const counts = countJunit(textOf(report));
  if (counts.failed > 0) counts.notes.push(...failureExcerpts(said.join("")));
  if (status !== 0 && counts.failed === 0)
    note(
      counts,
      `${label}: bun test ended with ${child.signalCode ?? `status ${status}`} (an error outside a test, or over its time)`,
    );
  return counts;
}

/** Shows a runner's output, and collects it in `said`. */
async function passOn(output: ReadableStream<Uint8Array>, said: string[], show: Show): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of output) {
    show.write(chunk);
    said.push(decoder.decode(chunk, { stream: true }));
  }
}

/** Notes as a summary prints them: what was skipped, then why tests failed, then which. A log is often cut, and its end is what is left. */
export function inOrder(notes: readonly string[]): string[] {
  const rank = (line: string) => (/^\w+: skipped: /.test(line) ? 0 : /^\w+: failed: /.test(line) ? 2 : 1);
  return notes.toSorted((one, other) => rank(one) - rank(other));
}

const mostLines = 30;

/**
 * Of `bun test`'s output: what it printed before each `(fail)` line, at most the last 30 lines of each. The summary repeats it,
 * because whoever sees only the end of a long log needs the reason too.
 */
export function failureExcerpts(output: string): string[] {
  const excerpts: string[] = [];
  let since: string[] = [];
  for (const line of output.split("\n")) {
    if (/^\(fail\) /.test(line)) excerpts.push(line, ...since.slice(-mostLines).map((said) => `  ${said}`));
    if (/^\((?:pass|fail|skip|todo)\) /.test(line)) since = [];
    else since.push(line);
  }
  return excerpts;
}

/** Two folders may have files of one name. */
function reportName(group: BunGroup, [first = "", ...others]: string[]): string {
  return others.length === 0 ? first.replaceAll("/", "-").replace(/\.test\.ts$/, "") : group.name;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Counts `<testcase>` elements. Names carry those of their suites: a skipped suite has its reason there. */
export function countJunit(xml: string): Counts {
  const counts = none();
  for (const [, attributes = "", rest = "", body = ""] of xml.matchAll(
    /<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const name = [attribute(attributes, "classname"), attribute(attributes, "name")].filter(Boolean).join(" > ");
    if (rest === "/>") counts.passed++;
    else if (body.includes("<skipped")) {
      counts.skipped++;
      counts.notes.push(`skipped: ${name}`);
    } else if (body.includes("<failure") || body.includes("<error")) note(counts, `failed: ${name}`);
    else counts.passed++;
  }
  return counts;
}

function attribute(attributes: string, name: string): string {
  return unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

function unescapeXml(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

function none(): Counts {
  return { passed: 0, failed: 0, skipped: 0, notes: [] };
}

/** One failure, with a line about it. */
function note(counts: Counts, line: string): void {
  counts.failed++;
  counts.notes.push(line);
}
