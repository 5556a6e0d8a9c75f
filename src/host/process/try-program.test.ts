import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fail } from "../../base/errors/error.ts";
import { createExec } from "./exec-node.ts";
import { askProgram, nonProgram, programFailure } from "./try-program.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const ended = { exitCode: 1, signal: null, stdout: bytes(""), stderr: bytes("") };
const library = "/usr/bin/x: error while loading shared libraries: libfoo.so.1: cannot open shared object file";

test.each([
  [{ ...ended, exitCode: 0, stderr: bytes("a warning") }, null],
  [{ ...ended, exitCode: 127, stderr: bytes(`\n${library}\nmore`) }, `ends with status 127: ${library}`],
  [{ ...ended, stdout: bytes("on stdout") }, "ends with status 1: on stdout"],
  [ended, "ends with status 1"],
  [{ ...ended, exitCode: null, signal: "SIGILL" }, "is ended by SIGILL"],
  [{ errno: "ENOEXEC" }, "can't be started: it is not a program for this machine's architecture"],
  [{ errno: "ENOENT" }, "can't be started: its interpreter or loader is missing"],
  [{ errno: "EACCES" }, "is not executable for this user"],
  [{ errno: "ELIBBAD" }, "can't be started (ELIBBAD)"],
])("%j: %s", (attempt, said) => {
  expect(programFailure(attempt)).toBe(said);
});

test("a program that does not end is reported as timed out", async () => {
  const slow = () => Promise.reject(fail("TOOL_FAILED", { tool: "x", status: "a timeout after 10 s", said: "" }));
  expect(await askProgram(slow, ["x"])).toEqual({ said: "", failure: "ends with a timeout after 10 s" });
});

test("its output is one short line without terminal sequences", () => {
  const said = programFailure({ ...ended, stderr: bytes(`\u001b[31m${"x".repeat(9000)}`) });
  expect(said).toMatch(/^ends with status 1: [^\p{Cc}]{1,300}$/u);
});

test("real programs: one that fails, one for another machine, one with a missing interpreter, one that is not executable", async () => {
  const folder = mkdtempSync(`${tmpdir()}/banger-programs-`);
  const make = (name: string, content: string, mode = 0o755) => {
    const path = `${folder}/${name}`;
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const exec = createExec({ PATH: "/usr/bin:/bin" });
  const tried = async (name: string, content: string, mode?: number) =>
    (await askProgram(exec, [make(name, content, mode), "--version"])).failure;
  expect(await tried("fine", "#!/bin/sh\n")).toBeNull();
  expect(await tried("fails", "#!/bin/sh\necho no luck >&2; exit 3\n")).toBe("ends with status 3: no luck");
  // the head of an ELF file for another machine (EM_AARCH64)
  expect(await tried("foreign", `\x7fELF\x02\x01\x01${"\0".repeat(9)}\x02\0\xb7\0${"\0".repeat(100)}`)).toMatch(
    /can't be started/,
  );
  expect(await tried("orphan", "#!/no/such/interpreter\n")).toContain("interpreter or loader is missing");
  expect(await tried("plain", "#!/bin/sh\n", 0o644)).toContain("not executable");
  const plain = make("plain", "", 0o644);
  expect(nonProgram("plain", folder)).toBe(plain);
  expect(nonProgram("none", folder)).toBeNull();
  // a folder that can't be looked into: ELOOP, which root gets too
  symlinkSync("loop", `${folder}/loop`);
  expect(nonProgram("plain", `${folder}/loop:${folder}`)).toBe(plain);
  rmSync(folder, { recursive: true });
});
