import { afterAll, expect, test } from "bun:test";
import { fakeExec } from "../host/exec-fake.ts";
import { exists, writeAtomic } from "../host/files.ts";
import { processRef } from "../host/process.ts";
import { vmPaths } from "../model/paths.ts";
import { makeTempFolder } from "../vmm/testing/temp.ts";
import { guardedPasst } from "./passt.ts";
import { createUserNetwork } from "./user.ts";

const folder = makeTempFolder("user");
afterAll(() => folder.remove());
await folder.make("abcd1234");
const paths = vmPaths(`${folder.path}/abcd1234`);
const resolvConf = `${folder.path}/resolv.conf`;
await writeAtomic(resolvConf, "nameserver 127.0.0.53\nsearch lan\n");
const words = guardedPasst({
  agent: "/agent",
  program: "/usr/bin/passt",
  socket: paths.net,
  log: paths.netLog,
  denied: [],
});
const line = words.join(" ");

function network(
  said: { stdout?: string; stderr?: string; exitCode?: number },
  passt: string | null = "/usr/bin/passt",
) {
  const exec = fakeExec({ [line]: said });
  return { exec, ...createUserNetwork({ exec, which: async () => passt, agent: "/agent", resolvConf }) };
}

test("the guest hangs on passt, and the process that carries it is known", async () => {
  const user = network({ stdout: `${process.pid}\n` });
  const prepared = await user.prepare(paths);
  expect(prepared).toMatchObject({
    device: { kind: "stream", socket: paths.net, mac: prepared.identity.mac },
    identity: { address: "192.0.2.15", dns: ["192.0.2.3"], search: ["lan"] },
    process: processRef(process.pid),
  });
  expect(prepared.note).toBeUndefined();
  expect(user.exec.calls).toEqual([line]);
});

test("a socket of an earlier start does not stand in the way", async () => {
  await writeAtomic(paths.net, "");
  await network({ stdout: String(process.pid) }).prepare(paths);
  expect(await exists(paths.net)).toBe(false);
});

test("a guard that can't be started is told, not thrown", async () => {
  const deps = {
    exec: () => Promise.reject(new Error("no such file")),
    which: async () => "/usr/bin/passt",
    agent: "/agent",
  };
  const prepared = await createUserNetwork({ ...deps, resolvConf }).prepare(paths);
  expect(prepared.note).toMatch(/^passt did not start \(no such file\)/);
});

test.each([
  ["there is no passt", {}, null, /^passt is not installed: using QEMU's own network.*loopback/],
  [
    "passt fails",
    {
      exitCode: 1,
      stderr:
        "Failed to send 9 bytes to syslog\nNo routable interface\nbanger-vsock-agent: /usr/bin/passt: exit status: 1\n",
    },
    undefined,
    /^passt did not start \(No routable interface\)/,
  ],
  ["the guard says nothing", { stdout: "" }, undefined, /^passt did not start \(status 0\)/],
  ["its process is gone already", { stdout: "999999999" }, undefined, /^passt did not start/],
] as const)("when %s, QEMU's own network stands in, with a warning", async (_, said, passt, note) => {
  const prepared = await network(said, passt === undefined ? "/usr/bin/passt" : passt).prepare(paths);
  expect(prepared.device.kind).toBe("builtin");
  expect(prepared.process).toBeNull();
  expect(prepared.note).toMatch(note);
});

test("what a network will be is what it can be, and was last", async () => {
  expect(await network({}, null).kind()).toBe("builtin");
  let exitCode = 1;
  const exec = async () => ({ ...(await fakeExec({ [line]: { stdout: String(process.pid) } })(words)), exitCode });
  const user = createUserNetwork({ exec, which: async () => "/usr/bin/passt", agent: "/agent", resolvConf });
  expect(await user.kind()).toBe("stream");
  await user.prepare(paths);
  expect(await user.kind()).toBe("builtin");
  exitCode = 0;
  await user.prepare(paths);
  expect(await user.kind()).toBe("stream");
});
