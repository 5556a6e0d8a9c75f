import { afterAll, expect, test } from "bun:test";
import { readText, writeAtomic } from "../host/files/files.ts";
import { fakeExec } from "../host/testing/exec.ts";
import { makeTempFolder } from "./testing/temp.ts";
import { tscKhz } from "./tsc.ts";

const folder = makeTempFolder("tsc");
afterAll(() => folder.remove());
const bootId = (await readText("/proc/sys/kernel/random/boot_id", 64)).trim();
let count = 0;

function deps(result: { stdout?: string; exitCode?: number }) {
  return { exec: fakeExec({ "/agent tsc": result }), agent: "/agent", file: `${folder.path}/tsc-${count++}` };
}

test("the frequency is measured once per boot of the host", async () => {
  const facts = deps({ stdout: "2596150\n" });
  expect(await tscKhz(facts)).toBe(2_596_150);
  expect(await tscKhz(facts)).toBe(2_596_150);
  expect(facts.exec.calls).toEqual(["/agent tsc"]);
  expect(await readText(facts.file)).toBe(`${bootId} 2596150\n`);
});

test.each([
  ["of an earlier boot", "00000000-0000-0000-0000-000000000000 1000000\n"],
  ["spoilt", `${bootId} lots\n`],
  ["empty", ""],
])("a stored value that is %s is measured again", async (_, kept) => {
  const facts = deps({ stdout: "3000000" });
  await writeAtomic(facts.file, kept);
  expect(await tscKhz(facts)).toBe(3_000_000);
});

test.each([
  ["fails", { exitCode: 1 }],
  ["prints nonsense", { stdout: "fast" }],
  ["prints a frequency that no CPU has", { stdout: "99000000" }],
])("no value is used from a measurement that %s", async (_, result) => {
  expect(await tscKhz(deps(result))).toBeNull();
});
