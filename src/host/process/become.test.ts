import { expect, test } from "bun:test";
import { join } from "node:path";

const child = (program: string, ...argv: string[]) =>
  Bun.spawn([process.execPath, "-e", script, program, ...argv], {
    env: { ...process.env, WORD: "kept" },
    stdio: [new TextEncoder().encode("input\n"), "pipe", "pipe"],
  });
const script = `const { become } = await import(${JSON.stringify(join(import.meta.dirname, "become.ts"))});
try { become(process.argv[1], process.argv.slice(2)) } catch (error) { console.log(error.code) }`;

test("the process is the other program: pid, input, variables, arguments and status are its own", async () => {
  const ran = child("/bin/sh", "-name", "-c", 'read line; echo "$$ $0 $1 $line $WORD"; exit 7', "zero", "a b");
  expect(await new Response(ran.stdout).text()).toBe(`${ran.pid} zero a b input kept\n`);
  expect([await ran.exited, await new Response(ran.stderr).text()]).toEqual([7, ""]);
});

test("a program that can't be run is an error", async () => {
  expect(await new Response(child("/nonexistent/program", "x").stdout).text()).toBe("TOOL_FAILED\n");
});
