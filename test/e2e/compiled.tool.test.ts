/** The compiled program reads nothing from its current folder, and acts by the name it is run under. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, existsSync, linkSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = new URL("../../build/bin/banger", import.meta.url).pathname;
const isBuilt = existsSync(program);
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "banger-cwd-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(argv: string[], path = program) {
  const child = Bun.spawnSync([path, ...argv], { cwd: folder, env: { PATH: "/usr/bin:/bin", HOME: folder } });
  return { code: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
}

test("the program was built", () => {
  expect(isBuilt).toBe(true);
});

test("it asks the loader for x86-64-v2, so that an older CPU is refused in words", () => {
  const start = Buffer.alloc(4096);
  const file = openSync(program, "r");
  readSync(file, start);
  closeSync(file);
  // a GNU property note: its sizes, type 5, "GNU", GNU_PROPERTY_X86_ISA_1_NEEDED with the bit of version 2
  const note = Buffer.from(new Uint32Array([4, 16, 5, 0x00554e47, 0xc0008002, 4, 2, 0]).buffer);
  expect(start.indexOf(note) % 8).toBe(0);
});

test("a .env and a bunfig.toml in the current folder change nothing", () => {
  const canary = join(folder, "canary");
  writeFileSync(join(folder, "preload.ts"), `require("node:fs").writeFileSync(${JSON.stringify(canary)}, "ran");\n`);
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(folder, ".env"), `BANGER_SOCKET=/nonexistent/from-dotenv\nBUN_OPTIONS=--preload=./preload.ts\n`);
  expect(run(["--version"]).stdout).toMatch(/^banger \d+\.\d+\.\d+/);
  const status = run(["daemon", "status"]);
  expect(status.code).toBe(6);
  expect(status.stderr).not.toContain("from-dotenv");
  expect(status.stderr).toContain("no daemon is running at");
  expect(existsSync(canary)).toBe(false);
});

test("under the name bangerd it is the daemon", () => {
  const daemon = join(folder, "bangerd");
  const target = new URL("../../build/bin/bangerd", import.meta.url).pathname;
  try {
    linkSync(target, daemon);
  } catch {
    // on another file system: use the program as built
  }
  const { code, stderr } = run(["--nonsense"], existsSync(daemon) ? daemon : target);
  expect(code).toBe(2);
  expect(stderr).toContain("bangerd takes no arguments");
});

test("errors go to stderr with their hint, with the documented exit codes", () => {
  const { code, stdout, stderr } = run(["vm", "run", "--vcpu", "lots"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe('error: --vcpu: "lots" is not a number of CPUs from 1 to 64\nhint: for example --vcpu 2\n');
});
