import { afterAll, expect, test } from "bun:test";
import { exists, writeAtomic } from "../host/files/files.ts";
import { processRef } from "../host/process/children.ts";
import { fakeExec } from "../host/testing/exec.ts";
import { macOf } from "../model/bridge.ts";
import { vmPaths } from "../model/paths.ts";
import { makeTempFolder } from "../vmm/testing/temp.ts";
import { guardedPasst } from "./passt.ts";
import { createUserNetwork } from "./user.ts";

const both = ["stream", "builtin"] as const;
const folder = makeTempFolder("user");
afterAll(() => folder.remove());
await folder.make("abcd1234");
const paths = vmPaths(`${folder.path}/abcd1234`);
const resolvConf = `${folder.path}/resolv.conf`;
await writeAtomic(resolvConf, "nameserver 127.0.0.53\nsearch lan\n");
const facts = { agent: "/agent", program: "/usr/bin/passt", log: paths.netLog };
const line = { kind: "stream", socket: paths.net } as const;
const argv = guardedPasst({ ...facts, line, denied: [] });
const command = argv.join(" ");
const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
const withLan = ["203.0.113.0/24", ...privateNetworks, "198.51.100.0/24"];
const commandWithLan = guardedPasst({ ...facts, line, denied: withLan }).join(" ");

type Given = { passt?: string | null; mayFallBack?: boolean; hostNetworks?: () => Promise<string[]> };

function network(
  said: { stdout?: string; stderr?: string; exitCode?: number },
  { passt = "/usr/bin/passt", mayFallBack = false, hostNetworks = unasked }: Given = {},
) {
  const exec = fakeExec({ [command]: said, [commandWithLan]: said });
  const deps = { exec, which: async () => passt, agent: "/agent", resolvConf, hostNetworks };
  return { exec, ...createUserNetwork({ ...deps, mayFallBack: async () => mayFallBack }) };
}

async function unasked(): Promise<string[]> {
  throw new Error("nobody needs to know");
}

test("the guest is connected to passt, and the guard's process is recorded", async () => {
  const user = network({ stdout: `${process.pid}\n` });
  const prepared = await user.prepare(paths, [], both);
  expect(prepared).toMatchObject({
    device: { kind: "stream", socket: paths.net, mac: prepared.identity.mac },
    identity: { mac: macOf("abcd1234"), address: "192.0.2.15", dns: ["192.0.2.3"], search: ["lan"] },
    process: processRef(process.pid),
  });
  expect(prepared.note).toBeUndefined();
  expect(user.exec.calls).toEqual([command]);
});

test("a VMM without a network device of its own: the guest's agent is connected to passt over the vsock", async () => {
  const overVsock = guardedPasst({ ...facts, line: { kind: "agent", socket: paths.vsock }, denied: [] }).join(" ");
  const exec = fakeExec({ [overVsock]: { stdout: `${process.pid}\n` } });
  const deps = { exec, which: async () => "/usr/bin/passt", agent: "/agent", resolvConf, hostNetworks: unasked };
  const user = createUserNetwork({ ...deps, mayFallBack: async () => true });
  // a socket of the VMM before it
  await writeAtomic(paths.vsock, "");
  expect(await user.kind([], ["agent"])).toBe("agent");
  const prepared = await user.prepare(paths, [], ["agent"]);
  const { mac } = prepared.identity;
  expect(prepared).toMatchObject({ device: { kind: "agent", mac }, process: processRef(process.pid) });
  expect(await exists(paths.vsock)).toBe(false);
  expect(exec.calls).toEqual([overVsock]);
  // a VMM's own device is preferred, and some VMMs have none of these
  expect(await user.kind([], ["agent", "stream"])).toBe("stream");
  for (const none of [user.kind([], ["builtin"]), user.prepare(paths, [], [])]) {
    await expect(none).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  }
});

test("a socket left by an earlier start is replaced", async () => {
  await writeAtomic(paths.net, "");
  await network({ stdout: String(process.pid) }).prepare(paths, [], both);
  expect(await exists(paths.net)).toBe(false);
});

test("the guard gets the denied networks, and the host's own for `lan`", async () => {
  const user = network(
    { stdout: String(process.pid) },
    { hostNetworks: async () => ["198.51.100.0/24", "10.0.0.0/8"] },
  );
  await user.prepare(paths, ["203.0.113.0/24", "lan"], both);
  expect(user.exec.calls).toEqual([commandWithLan]);
});

test("`lan` can't be denied when the host's networks are not known", async () => {
  const hostNetworks = () => Promise.reject(new Error("no such file"));
  const user = network({ stdout: String(process.pid) }, { hostNetworks });
  await expect(user.prepare(paths, ["lan"], both)).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  expect(user.exec.calls).toEqual([]);
});

const failures: [string, Parameters<typeof network>[0], string | null, RegExp][] = [
  ["there is no passt", {}, null, /passt: it is not installed/],
  ["passt fails", { exitCode: 1, stderr: "No routable interface\n" }, "/usr/bin/passt", /passt: No routable interface/],
  ["the guard prints nothing", { stdout: "" }, "/usr/bin/passt", /status 0/],
  ["its process is gone already", { stdout: "999999999" }, "/usr/bin/passt", /passt/],
];

test.each(failures)("when %s, the VM does not start, and the error has the reason", async (_, said, passt, reason) => {
  const failed = network(said, { passt }).prepare(paths, [], both);
  await expect(failed).rejects.toMatchObject({ code: "NETWORK_FAILED", message: expect.stringMatching(reason) });
});

test.each(failures)(
  "when %s, QEMU's own network stands in where the config allows it, with a warning",
  async (...row) => {
    const [, said, passt, reason] = row;
    const prepared = await network(said, { passt, mayFallBack: true }).prepare(paths, [], both);
    expect(prepared).toMatchObject({ device: { kind: "builtin" }, process: null });
    expect(prepared.note).toMatch(/^passt did not start \(.*\): using QEMU's own network.*loopback/);
    expect(prepared.note?.replace("passt did not start (", "passt: ")).toMatch(reason);
  },
);

test("QEMU's own network can't deny anything, so it is no fallback for a VM that denies", async () => {
  const user = network({ exitCode: 1 }, { mayFallBack: true, hostNetworks: async () => [] });
  await expect(user.prepare(paths, ["203.0.113.0/24"], both)).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  expect(await user.kind(["203.0.113.0/24"], both)).toBe("stream");
  expect(await user.kind([], both)).toBe("builtin");
});

test.each(["Couldn't write to log file: No space left on device", "Disk quota exceeded"])(
  "passt that finds no room (%s) is a full disk",
  async (stderr) => {
    const failed = network({ exitCode: 1, stderr: `${stderr}\n` }).prepare(paths, [], both);
    await expect(failed).rejects.toMatchObject({ code: "DISK_FULL", details: { path: paths.directory } });
  },
);

test("a guard that can't be started is a failure of the network", async () => {
  const exec = () => Promise.reject(new Error("no such\u001b[31m file"));
  const deps = { exec, which: async () => "/usr/bin/passt", agent: "/agent", resolvConf, hostNetworks: unasked };
  const prepared = createUserNetwork({ ...deps, mayFallBack: async () => false }).prepare(paths, [], both);
  await expect(prepared).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    message: expect.stringContaining("no such file"),
  });
});

test("the reason is from passt's log, not from the log of an earlier start", async () => {
  await writeAtomic(paths.netLog, "0.1: ERROR:   an older reason\n");
  await expect(network({ exitCode: 1 }).prepare(paths, [], both)).rejects.toMatchObject({
    message: expect.stringMatching(/status 1$/),
  });
  const exec = async () => {
    await writeAtomic(paths.netLog, "0.1: ERROR:   External interface not usable\n");
    return fakeExec({ [command]: { exitCode: 1, stderr: "Failed to send\n" } })(argv);
  };
  const deps = { exec, which: async () => "/usr/bin/passt", agent: "/agent", resolvConf, hostNetworks: unasked };
  const failed = createUserNetwork({ ...deps, mayFallBack: async () => false }).prepare(paths, [], both);
  await expect(failed).rejects.toMatchObject({
    message: expect.stringMatching(/passt: External interface not usable$/),
  });
});

test("the kind of a network: passt, unless the fallback is allowed and needed", async () => {
  await expect(network({}, { passt: null }).kind([], both)).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    hint: expect.stringContaining("install"),
  });
  expect(await network({}, { passt: null, mayFallBack: true }).kind([], both)).toBe("builtin");
  const failing = network({ exitCode: 1 });
  await failing.prepare(paths, [], both).catch(() => {});
  expect(await failing.kind([], both)).toBe("stream");
});

/** `works` and `now` can be changed later. */
function changing(mayFallBack: boolean) {
  const given = { works: false, now: 0 };
  const exec = fakeExec({ [command]: { stdout: String(process.pid) } });
  const failing = async (line: readonly string[]) => ({ ...(await exec(line)), exitCode: given.works ? 0 : 1 });
  const deps = { which: async () => "/usr/bin/passt", agent: "/agent", resolvConf, hostNetworks: async () => [] };
  const rest = { mayFallBack: async () => mayFallBack, now: () => given.now };
  return { given, exec, ...createUserNetwork({ ...deps, exec: failing, ...rest }) };
}

test("where the fallback is used, it stays for some minutes, so that not every start has another template", async () => {
  const user = changing(true);
  const starts = async () => [await user.kind([], both), (await user.prepare(paths, [], both)).device.kind];
  expect(await starts()).toEqual(["stream", "builtin"]);
  user.given.works = true;
  expect(await starts()).toEqual(["builtin", "builtin"]);
  user.given.now = 5 * 60_000;
  expect(await starts()).toEqual(["stream", "stream"]);
  expect(await starts()).toEqual(["stream", "stream"]);
});

test("a VM for which there is no fallback has passt tried at each start, and its success counts", async () => {
  const user = changing(true);
  await user.prepare(paths, [], both);
  expect(user.exec.calls).toHaveLength(1);
  user.given.works = true;
  expect((await user.prepare(paths, [], ["stream"])).device.kind).toBe("stream");
  expect(await user.kind([], both)).toBe("stream");
});

test("without a fallback passt is tried at each start", async () => {
  const user = changing(false);
  await expect(user.prepare(paths, [], both)).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  user.given.works = true;
  expect((await user.prepare(paths, [], both)).device.kind).toBe("stream");
});

const withoutRoute = "No external routable interface for IPv4; External interface not usable";
const offline = guardedPasst({ ...facts, line, denied: [], isOffline: true }).join(" ");

test("on a host without a default route passt takes no interface from it", async () => {
  const stderr = withoutRoute.replace("; ", "\n");
  const exec = fakeExec({ [command]: { exitCode: 1, stderr }, [offline]: { stdout: String(process.pid) } });
  const deps = { exec, which: async () => "/usr/bin/passt", agent: "/agent", resolvConf, hostNetworks: unasked };
  const user = createUserNetwork({ ...deps, mayFallBack: async () => true });
  expect((await user.prepare(paths, [], both)).device.kind).toBe("stream");
  expect(await user.kind([], both)).toBe("stream");
  expect(exec.calls).toEqual([command, offline]);
});

test("what passt said first is the reason, when that fails too", async () => {
  const stderr = withoutRoute.replace("; ", "\n");
  const exec = fakeExec({ [command]: { exitCode: 1, stderr }, [offline]: { exitCode: 1, stderr: "unknown option" } });
  const deps = { exec, which: async () => "/usr/bin/passt", agent: "/agent", resolvConf, hostNetworks: unasked };
  const failed = createUserNetwork({ ...deps, mayFallBack: async () => false }).prepare(paths, [], both);
  await expect(failed).rejects.toMatchObject({ message: expect.stringContaining(withoutRoute) });
});

test("a VMM that can't be connected to passt gets no network, and nothing is started", async () => {
  for (const accepted of [[], ["builtin"]] as const) {
    const user = network({ stdout: String(process.pid) }, { mayFallBack: true });
    const refused = { code: "NETWORK_FAILED", message: expect.stringContaining("this VMM can't be connected to it") };
    await expect(user.kind([], accepted)).rejects.toMatchObject(refused);
    await expect(user.prepare(paths, [], accepted)).rejects.toMatchObject(refused);
    expect(user.exec.calls).toEqual([]);
  }
});

test("a VMM without a network of its own has nothing to fall back to", async () => {
  const user = network({ exitCode: 1 }, { mayFallBack: true });
  await expect(user.prepare(paths, [], ["stream"])).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  expect(await user.kind([], ["stream"])).toBe("stream");
  const missing = network({}, { passt: null, mayFallBack: true });
  await expect(missing.kind([], ["stream"])).rejects.toMatchObject({ code: "NETWORK_FAILED" });
});

test("64 KiB of resolv.conf are read; with one byte more, passt is not started", async () => {
  const given = (bytes: number) => writeAtomic(resolvConf, "search lan\n".padEnd(bytes, "#"));
  const user = network({ stdout: String(process.pid) });
  await given(65_536);
  expect((await user.prepare(paths, [], both)).identity.search).toEqual(["lan"]);
  await given(65_537);
  await expect(user.prepare(paths, [], both)).rejects.toMatchObject({ code: "FILE_INVALID" });
  expect(user.exec.calls).toHaveLength(1);
});

test("a host without resolv.conf has no search domains", async () => {
  const exec = fakeExec({ [command]: { stdout: String(process.pid) } });
  const deps = { exec, which: async () => "/usr/bin/passt", agent: "/agent", hostNetworks: unasked };
  const user = createUserNetwork({ ...deps, resolvConf: `${folder.path}/none`, mayFallBack: async () => false });
  expect((await user.prepare(paths, [], both)).identity.search).toEqual([]);
});
