import { expect, test } from "bun:test";
import { fakeExec } from "../host/testing/exec.ts";
import { refusalOf } from "./admission.ts";

const ask = "systemctl show --property=MainPID --value bangerd.service";
const deps = (answer: { exitCode?: number; stdout?: string }) => ({
  exec: fakeExec({ [ask]: answer }),
  unit: "bangerd.service",
  owner: 1000,
});

test("the daemon's main process is admitted", async () => {
  const asked = deps({ stdout: "4711\n" });
  expect(await refusalOf(asked, { pid: 4711, uid: 1000 })).toBeNull();
  expect(asked.exec.calls).toEqual([ask]);
});

test.each([
  ["a child of it, such as a VMM", { stdout: "4711\n" }, { pid: 4712, uid: 1000 }, "not the main process"],
  ["a process while the unit does not run", { stdout: "0\n" }, { pid: 4711, uid: 1000 }, "names no main process"],
  ["a process while systemd does not answer", { exitCode: 1 }, { pid: 4711, uid: 1000 }, "names no main process"],
  ["what is no number", { stdout: "4711 x\n" }, { pid: 4711, uid: 1000 }, "names no main process"],
])("refused: %s", async (_, answer, caller, why) => {
  expect(await refusalOf(deps(answer), caller)).toContain(why);
});

test.each([
  ["another user", { pid: 4711, uid: 1001 }],
  ["root", { pid: 4711, uid: 0 }],
  ["a process of another pid namespace", { pid: 0, uid: 1000 }],
])("refused before systemd is asked: %s", async (_, caller) => {
  const asked = deps({ stdout: "0\n" });
  expect(await refusalOf(asked, caller)).not.toBeNull();
  expect(asked.exec.calls).toEqual([]);
});

test("without systemctl nobody is admitted", async () => {
  const missing = { ...deps({}), exec: () => Promise.reject(new Error("no such program")) };
  expect(await refusalOf(missing, { pid: 4711, uid: 1000 })).toContain("names no main process");
});
