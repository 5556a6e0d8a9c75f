/**
 * `make mutants`: changes one thing at a time in a copy of the tree, runs the tests that should notice, and prints each change that
 * none of them did, as `FILE:LINE  before -> after`. Arguments: files of `mutant-files.ts`, else all.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mutantFiles } from "./mutant-files.ts";
import { mutationsOf } from "./mutations.ts";

/** A change that makes tests hang is one that they notice; for all tests of a file together, in `ms`. */
const limitMs = 60_000;
const root = join(import.meta.dirname, "..");
// some checks of who somebody is can only be tested as root
const gated = process.getuid?.() === 0 ? "vm,tool,attack" : "vm,root,tool,attack";
const ignored = `--path-ignore-patterns=**/*.{${gated}}.test.ts`;
const copy = mkdtempSync(join(tmpdir(), "mutants-"));

try {
  process.exitCode = await runAll(process.argv.slice(2));
} finally {
  rmSync(copy, { recursive: true, force: true });
}

async function runAll(chosen: string[]): Promise<number> {
  const files = chosen.length > 0 ? chosen : Object.keys(mutantFiles);
  const unknown = files.filter((file) => mutantFiles[file] === undefined);
  if (unknown.length > 0) return say(`not in scripts/mutant-files.ts: ${unknown.join(", ")}`, 2);
  for (const part of ["src", "scripts", "protocol", "package.json", "tsconfig.json"])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  let [made, survived] = [0, 0];
  for (const file of files) {
    const result = await runFile(file);
    if (result === null) return 1;
    made += result.made;
    survived += result.survived;
  }
  return say(`${made} mutants, ${survived} survived`, 0);
}

/** Null when the tests fail without any change. */
async function runFile(file: string): Promise<{ made: number; survived: number } | null> {
  const source = readFileSync(join(root, file), "utf8");
  const tests = testsOf(file);
  if (!(await passes(tests))) {
    say(`${file}: its tests fail without any change: ${tests.join(" ")}`, 1);
    return null;
  }
  const mutations = mutationsOf(source);
  let survived = 0;
  for (const { line, what, source: changed } of mutations) {
    writeFileSync(join(copy, file), changed);
    if (!(await passes(tests))) continue;
    survived++;
    say(`${file}:${line}  ${what}`, 0);
  }
  writeFileSync(join(copy, file), source);
  say(`${file}: ${mutations.length} mutants, ${survived} survived`, 0);
  return { made: mutations.length, survived };
}

function testsOf(file: string): string[] {
  const own = file.replace(/\.ts$/, ".test.ts");
  const declared = mutantFiles[file] ?? [];
  const folders = declared.some((place) => own.startsWith(`${place}/`));
  return [...(existsSync(join(root, own)) && !folders ? [own] : []), ...declared].map((place) => `./${place}`);
}

async function passes(tests: string[]): Promise<boolean> {
  const argv = [process.execPath, "test", "--bail", "--timeout=5000", ignored, ...tests];
  const child = Bun.spawn(argv, {
    cwd: copy,
    stdio: ["ignore", "ignore", "ignore"],
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  return (await child.exited) === 0;
}

function say(line: string, status: number): number {
  process.stdout.write(`${line}\n`);
  return status;
}
