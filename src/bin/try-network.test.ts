import { afterAll, expect, test } from "bun:test";
import { fail } from "../base/errors/error.ts";
import { listFolder } from "../host/files/files.ts";
import { fakeExec } from "../host/testing/exec.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { tryNetwork } from "./try-network.ts";

const base = tempFolder("doctor");
afterAll(() => base[Symbol.dispose]());
const folder = `${base.path}/d`;
const allowed = async (): Promise<boolean> => true;
const which = async () => "/usr/bin/passt";
const fact = (exec: Parameters<typeof tryNetwork>[0]["exec"]) =>
  tryNetwork({ exec, which, agent: "/agent", folder, mayFallBack: allowed });

test("a passt that starts is ended again, and leaves nothing", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  const started = { ...(await fakeExec({ x: {} })(["x"])), stdout: Buffer.from(`${child.pid}\n`) };
  expect(await fact(async () => started)).toEqual({ failure: null, fix: "", mayFallBack: true });
  expect(await child.exited).not.toBe(0);
  expect(await listFolder(folder)).toEqual([]);
});

test("a failing passt is reported with its output, a missing one with what to install", async () => {
  const failed = { ...(await fakeExec({ x: {} })(["x"])), exitCode: 1, stderr: Buffer.from("No routable interface\n") };
  expect((await fact(async () => failed)).failure).toBe("No routable interface");
  const none = await tryNetwork({ ...deps, which: async () => null });
  expect(none).toMatchObject({ failure: "it is not installed", fix: expect.stringContaining("install") });
  expect(await listFolder(folder)).toEqual([]);
});

const deps = { exec: async () => Promise.reject(new Error("x")), which, agent: "/agent", folder, mayFallBack: allowed };

test("an unreadable config allows no fallback", async () => {
  const mayFallBack = () => Promise.reject(fail("CONFIG_INVALID", { file: "/c", problems: [] }));
  expect((await tryNetwork({ ...deps, mayFallBack })).mayFallBack).toBe(false);
});
