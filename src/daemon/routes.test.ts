import { afterEach, expect, test } from "bun:test";
import { Deferred } from "../base/async.ts";
import { fail } from "../base/errors/error.ts";
import { version } from "../base/version.ts";
import { shortTimings } from "../machines/testing/daemon.ts";
import type { HelperStatus } from "../wire/helper/verbs.ts";
import { ask, Line, requestText } from "./testing/client.ts";
import { type Served, type ServeOptions, serve } from "./testing/serve.ts";

let served: Served | null = null;
afterEach(async () => {
  await served?.close();
  served = null;
});

async function daemon(options: ServeOptions = {}): Promise<Served> {
  served = await serve(options);
  return served;
}

const created = { name: "web", start: true, wait: "agent" };
const coded = (code: string) =>
  expect.objectContaining({ code, message: expect.any(String), hint: expect.any(String), exit: expect.any(Number) });
const result = (value: object) => ({ kind: "result", value: expect.objectContaining(value) });

test("the daemon says who it is and what the host can", async () => {
  const { socket } = await daemon();
  const info = await ask(socket, "GET", "/v1/daemon");
  expect(info.status).toBe(200);
  expect(info.headers["banger-api"]).toBe("1");
  const known = { pid: process.pid, version, api: 1, socket, startedAt: 1, stateDirectory: "/s" };
  expect(info.json).toEqual({ ...known, leftovers: [], uncaught: { count: 0, last: null }, inUse: [] });
  expect((await ask(socket, "GET", "/v1/host")).json).toEqual({
    cpus: 2,
    memoryBytes: 2 ** 31,
    vmm: { driver: "world", version: "1", accel: "tcg", why: "a test" },
    vmms: [{ driver: "world", version: "1", accel: "tcg", why: "a test" }],
    unusableVmms: [],
    system: null,
    dns: null,
  });
});

test("a user's own daemon says where it answers for names of VMs", async () => {
  const dns = { asked: 42_069, port: 42_070, problem: null };
  const { socket } = await daemon({ dns: async () => dns });
  expect((await ask(socket, "GET", "/v1/host")).json).toMatchObject({ dns });
});

const helperStatus: HelperStatus = {
  version: "1",
  pid: 7,
  bridge: { address: "172.16.0.1", prefix: 24 },
  taps: ["abcd1234"],
  nat: true,
  resolver: { routed: true },
  firewalls: [{ kind: "iptables", passed: true, text: "docker: accepted in the chain FORWARD" }],
};

test("in system mode it says what the root helper reports, and why VMs have no limits", async () => {
  const { socket } = await daemon({ system: { helper: async () => helperStatus, limitsProblem: "no cgroup v2" } });
  expect((await ask(socket, "GET", "/v1/host")).json).toMatchObject({
    system: {
      helper: { version: "1", bridge: "172.16.0.1/24", taps: 1, nat: true, firewalls: helperStatus.firewalls },
      helperProblem: null,
      limitsProblem: "no cgroup v2",
    },
  });
});

test("a root helper that refuses is no failure of the answer, which has the reason and what to do", async () => {
  const helper = async () => {
    throw fail("NETWORK_FAILED", { program: "bridge", reason: "172.16.0.1/24 is in use", install: "set another" });
  };
  const { socket } = await daemon({ system: { helper, limitsProblem: null } });
  expect((await ask(socket, "GET", "/v1/host")).json).toMatchObject({
    system: {
      helper: null,
      helperProblem: { why: "172.16.0.1/24 is in use", fix: "set another" },
      limitsProblem: null,
    },
  });
});

test("a VM through its whole life", async () => {
  const { socket } = await daemon();
  const made = await ask(socket, "POST", "/v1/vms", created);
  expect(made.status).toBe(200);
  expect(made.headers["content-type"]).toBe("application/x-ndjson");
  expect(made.lines[0]).toEqual(expect.objectContaining({ kind: "spec" }));
  expect(made.lines.at(-1)).toEqual(result({ name: "web", state: "running" }));
  expect((await ask(socket, "GET", "/v1/vms")).json).toEqual([
    expect.objectContaining({ name: "web", diskUsed: 4096 }),
  ]);
  expect((await ask(socket, "POST", "/v1/vms/web/stop", { graceMs: 1000 })).lines.at(-1)).toEqual({
    kind: "result",
    value: { vm: expect.objectContaining({ state: "stopped" }), cut: false },
  });
  expect((await ask(socket, "POST", "/v1/vms/web/start", { wait: "agent" })).lines.at(-1)).toEqual(
    result({ generation: 2 }),
  );
  expect((await ask(socket, "POST", "/v1/vms/web/restart", { wait: "agent" })).lines.at(-1)).toEqual(
    result({ generation: 3 }),
  );
  expect((await ask(socket, "POST", "/v1/vms/web/rename", { name: "db" })).json).toEqual(
    expect.objectContaining({ name: "db" }),
  );
  expect((await ask(socket, "POST", "/v1/vms/db/kill")).json).toEqual(expect.objectContaining({ state: "stopped" }));
  expect((await ask(socket, "GET", "/v1/vms/db/wait")).lines).toEqual([result({ state: "stopped" })]);
  expect((await ask(socket, "DELETE", "/v1/vms/db")).json).toEqual({ id: expect.any(String), name: "db" });
  expect((await ask(socket, "GET", "/v1/vms/db")).status).toBe(404);
});

test("errors before any event are plain answers, later ones are the stream's last line", async () => {
  const { socket, host } = await daemon();
  const early = await ask(socket, "POST", "/v1/vms", { ...created, image: "nix" });
  expect([early.status, early.json]).toEqual([404, coded("IMAGE_NOT_FOUND")]);
  host.world.failing.set("createDisk", Object.assign(new Error("full"), { code: "ENOSPC" }));
  const late = await ask(socket, "POST", "/v1/vms", created);
  expect(late.status).toBe(200);
  expect(late.lines.at(-1)).toEqual({ kind: "error", error: coded("DISK_FULL") });
});

test("two creates of one name at once", async () => {
  const { socket } = await daemon();
  const both = await Promise.all([1, 2].map(() => ask(socket, "POST", "/v1/vms", created)));
  const codes = both.map((answer) => JSON.stringify(answer.lines.at(-1) ?? answer.json));
  expect(codes.filter((text) => text.includes("VM_NAME_TAKEN"))).toHaveLength(1);
  expect(codes.filter((text) => text.includes('"state":"running"'))).toHaveLength(1);
});

test("a held VM is deleted when its connection closes, also while it boots", async () => {
  // the second VM's agent is waited for until its user is gone
  const { socket, machines, host } = await daemon({ deps: { timings: { ...shortTimings, agentMs: 100_000 } } });
  const line = new Line(socket, requestText("POST", "/v1/vms", { ...created, hold: true }));
  await line.until('"kind":"result"');
  expect(machines.all()[0]).toEqual(expect.objectContaining({ state: "running", ephemeral: true }));
  line.end();
  await gone(machines);
  host.world.guest.answers = false;
  const booting = new Line(socket, requestText("POST", "/v1/vms", { ...created, hold: true }));
  await booting.until("booting");
  booting.end();
  await gone(machines);
  expect(host.world.living()).toEqual([]);
});

test("a daemon that stops does not end its holds; the next one waits for them", async () => {
  const first = await daemon();
  const line = new Line(first.socket, requestText("POST", "/v1/vms", { ...created, hold: true }));
  await line.until('"kind":"result"');
  await first.close();
  await line.closed;
  expect(first.host.world.living()).toHaveLength(1);
  const holdGraceMs = 987_654;
  let endGrace = () => {};
  const after = (ms: number, run: () => void) => {
    if (ms === holdGraceMs) endGrace = run;
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  };
  const { socket, machines } = await daemon({
    host: first.host,
    deps: { timings: { ...shortTimings, holdGraceMs }, after },
  });
  const again = new Line(socket, requestText("GET", "/v1/vms/web/hold"));
  await again.until('"kind":"result"');
  endGrace();
  await machines.idle();
  expect(machines.all()).toHaveLength(1);
  again.end();
  await gone(machines);
});

test("the next daemon keeps a held VM as long as its holder's process lives, with or without a new hold", async () => {
  const ended = new Deferred<void>();
  const holders = {
    refOf: (pid: number) => ({ pid, startTicks: 7 }),
    ended: ({ pid }: { pid: number }) => (pid === process.pid ? ended.promise : Promise.resolve()),
  };
  const first = await daemon({ deps: { holders } });
  const line = new Line(first.socket, requestText("POST", "/v1/vms", { ...created, hold: true }));
  await line.until('"kind":"result"');
  await first.close();
  await line.closed;
  const { machines } = await daemon({
    host: first.host,
    deps: { holders, timings: { ...shortTimings, holdGraceMs: 1 } },
  });
  await Bun.sleep(30);
  expect(machines.all()).toHaveLength(1);
  ended.resolve();
  await gone(machines);
});

test("events tell every change of state", async () => {
  const { socket } = await daemon();
  const line = new Line(socket, requestText("GET", "/v1/events"));
  await line.until("\r\n\r\n");
  await ask(socket, "POST", "/v1/vms", created);
  await ask(socket, "DELETE", "/v1/vms/web");
  await line.until('"reason":"deleted"');
  const states = [...line.received.matchAll(/"state":"(\w+)"/g)].map((match) => match[1]);
  expect(states).toEqual(["creating", "starting", "running", "deleting", "deleting"]);
  line.end();
});

test("waiting ends with the VM", async () => {
  const { socket, host } = await daemon();
  await ask(socket, "POST", "/v1/vms", created);
  const waiting = ask(socket, "GET", "/v1/vms/web/wait");
  await Bun.sleep(0);
  host.world.living()[0]?.guest.end({ kind: "panic", reason: "bad" });
  expect((await waiting).lines).toEqual([
    result({ state: "failed", failure: expect.objectContaining({ reason: "the guest's kernel panicked: bad" }) }),
  ]);
});

test("logs: the bytes as they are; following ends when the VM is deleted", async () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const { socket } = await daemon({
    logs: {
      read: async function* (path) {
        yield bytes(`all of ${path.split("/").at(-1)}`);
      },
      follow: async function* (_path, signal) {
        yield bytes("first");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    },
  });
  await ask(socket, "POST", "/v1/vms", created);
  expect((await ask(socket, "GET", "/v1/vms/web/logs")).body).toBe("all of serial.log");
  expect((await ask(socket, "GET", "/v1/vms/web/logs?source=vmm")).body).toBe("all of vmm.log");
  expect((await ask(socket, "GET", "/v1/vms/web/logs?source=x")).json).toEqual(coded("REQUEST_INVALID"));
  const following = ask(socket, "GET", "/v1/vms/web/logs?follow=1");
  await Bun.sleep(5);
  await ask(socket, "DELETE", "/v1/vms/web");
  expect((await following).body).toBe("first");
});

test("the agent's door wants an upgrade, and a VM that runs", async () => {
  const { socket } = await daemon();
  await ask(socket, "POST", "/v1/vms", { name: "web" });
  const upgrade = { connection: "Upgrade", upgrade: "banger-agent/1" };
  expect((await ask(socket, "GET", "/v1/vms/web/agent")).json).toEqual(coded("REQUEST_INVALID"));
  expect((await ask(socket, "GET", "/v1/vms/web/agent", undefined, upgrade)).json).toEqual(coded("VM_STATE"));
  await ask(socket, "POST", "/v1/vms/web/start", { wait: "agent" });
  expect((await ask(socket, "GET", "/v1/vms/web/agent", undefined, upgrade)).status).toBe(101);
  expect((await ask(socket, "GET", "/v1/vms/web/agent", undefined, { ...upgrade, upgrade: "websocket" })).json).toEqual(
    coded("REQUEST_INVALID"),
  );
  expect((await ask(socket, "GET", "/v1/vms", undefined, upgrade)).status).toBe(200);
});

test("images and kernels come as tar streams, and go", async () => {
  const { socket } = await daemon();
  const tar = { "content-type": "application/x-tar" };
  const made = await ask(socket, "POST", "/v1/images/my%2Fimage?source=file%20x", "tar bytes", tar);
  expect(made.lines.at(-1)).toEqual(result({ name: "my/image", source: "file x" }));
  expect((await ask(socket, "GET", "/v1/images")).json).toHaveLength(2);
  expect((await ask(socket, "GET", "/v1/images/my%2Fimage")).status).toBe(200);
  expect((await ask(socket, "DELETE", "/v1/images/my%2Fimage")).status).toBe(200);
  expect((await ask(socket, "POST", "/v1/images/Bad!", "tar bytes", tar)).json).toEqual(coded("IMAGE_NAME_INVALID"));
  expect((await ask(socket, "POST", "/v1/kernels/k", "tar bytes", tar)).lines.at(-1)).toEqual(result({ name: "k" }));
  expect((await ask(socket, "GET", "/v1/kernels/nope")).json).toEqual(coded("KERNEL_NOT_FOUND"));
  expect((await ask(socket, "POST", "/v1/kernels/k", "x", { "content-type": "text/html" })).json).toEqual(
    coded("REQUEST_INVALID"),
  );
  await ask(socket, "POST", "/v1/vms", { name: "web" });
  expect((await ask(socket, "DELETE", "/v1/images/debian-bookworm")).json).toEqual(coded("IMAGE_IN_USE"));
});

test("the daemon stops when asked, after its answer", async () => {
  const it = await daemon();
  expect((await ask(it.socket, "POST", "/v1/daemon/stop")).status).toBe(200);
  expect(it.stops).toBe(1);
});

test("a daemon that is in use says what would end, and stops when that is wanted or over", async () => {
  const it = await daemon();
  const { socket } = it;
  const hold = new Line(socket, requestText("POST", "/v1/vms", { ...created, hold: true }));
  await hold.until('"kind":"result"');
  const purpose = 'the build of image "x"';
  const build = new Line(socket, requestText("POST", "/v1/vms", { ...created, name: "b", hold: true, purpose }));
  await build.until('"kind":"result"');
  const refused = await ask(socket, "POST", "/v1/daemon/stop?when=unused");
  expect([refused.status, refused.json]).toEqual([409, coded("DAEMON_IN_USE")]);
  for (const what of ['VM \\"web\\", which is deleted when its command ends', 'the build of image \\"x\\"'])
    expect(refused.body).toContain(`${what} (process ${process.pid})`);
  expect(it.stops).toBe(0);
  const waiting = ask(socket, "POST", "/v1/daemon/stop?when=idle");
  const given = new Line(socket, requestText("POST", "/v1/daemon/stop?when=idle"));
  hold.end();
  build.end();
  given.end();
  expect((await waiting).status).toBe(200);
  expect(it.stops).toBe(1);
  expect((await ask(socket, "POST", "/v1/daemon/stop?when=unused")).status).toBe(200);
  expect((await ask(socket, "POST", "/v1/daemon/stop?when=later")).json).toEqual(coded("REQUEST_INVALID"));
});

test("another version is told so, but may ask who the daemon is and stop it", async () => {
  const { socket } = await daemon();
  const other = { "banger-version": "9.9.9" };
  const refused = await ask(socket, "GET", "/v1/vms", undefined, other);
  expect([refused.status, refused.json]).toEqual([409, coded("DAEMON_VERSION")]);
  expect((await ask(socket, "GET", "/v1/daemon", undefined, other)).status).toBe(200);
  expect((await ask(socket, "POST", "/v1/daemon/stop", undefined, other)).status).toBe(200);
  expect((await ask(socket, "GET", "/v1/vms", undefined, { "banger-version": version })).status).toBe(200);
});

async function gone(machines: Served["machines"]): Promise<void> {
  if (machines.all().length > 0)
    await new Promise<void>((resolve) => void machines.subscribe((event) => event.reason === "deleted" && resolve()));
  await machines.idle();
  expect(machines.all()).toEqual([]);
}
