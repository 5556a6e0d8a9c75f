/** Whom the CLI speaks to: it is decided before a byte is sent. */
import { expect, test } from "bun:test";
import * as fs from "node:fs";
import type { BangerError } from "../base/errors/error.ts";
import { fail, isError } from "../base/errors/error.ts";
import { ownUid } from "../host/files/owner.ts";
import type { Peer } from "../host/libc.ts";
import { listenUnix } from "../host/net/socket.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { connectIfRunning } from "./connect.ts";

type Connect = NonNullable<Parameters<typeof connectIfRunning>[1]>;

/** What comes of a connection that goes as `connect` does, in a folder of one's own. */
async function connecting(connect: Connect, foreign = false) {
  using folder = tempFolder();
  fs.chmodSync(folder.path, 0o700);
  return await connectIfRunning({ socket: `${folder.path}/d.sock`, foreign }, connect).catch(
    (thrown: unknown) => thrown as BangerError,
  );
}

const failing =
  (error: unknown): Connect =>
  async () => {
    throw error;
  };
const system = (code: string) => Object.assign(new Error(code), { code });

/** A listener of our own in a folder with this mode, and whether it was connected to. */
async function daemonIn(mode: number) {
  const folder = tempFolder();
  const socket = `${folder.path}/d.sock`;
  const world = { socket, connections: 0 };
  const listener = await listenUnix(socket, { mode: 0o600 }, (stream) => {
    world.connections += 1;
    stream.destroy();
  });
  fs.chmodSync(folder.path, mode);
  const dispose = async () => {
    await listener.close();
    folder[Symbol.dispose]();
  };
  return Object.assign(world, { [Symbol.asyncDispose]: dispose });
}

for (const [mode, foreign] of [
  [0o700, false],
  [0o755, false],
  [0o700, true],
  [0o1777, true],
] as const) {
  test(`one's own daemon in a folder of mode ${mode.toString(8)}${foreign ? ", named by BANGER_SOCKET" : ""}`, async () => {
    await using daemon = await daemonIn(mode);
    const line = await connectIfRunning({ socket: daemon.socket, foreign });
    expect(line).not.toBeNull();
    line?.destroy();
  });
}

for (const [mode, foreign] of [
  [0o770, false],
  [0o702, false],
  [0o1777, false],
  [0o777, true],
] as const) {
  test(`no connection is made in a folder of mode ${mode.toString(8)}${foreign ? ", named by BANGER_SOCKET" : ""}`, async () => {
    await using daemon = await daemonIn(mode);
    const error = await connectIfRunning({ socket: daemon.socket, foreign }).catch((thrown: BangerError) => thrown);
    expect(isError(error, "DAEMON_UNTRUSTED")).toBe(true);
    const { message, hint } = error as BangerError;
    expect(message).toContain(`may be written to by others (mode ${mode.toString(8).padStart(4, "0")})`);
    expect(hint).toContain(foreign ? "BANGER_SOCKET" : "XDG_RUNTIME_DIR");
    expect(daemon.connections).toBe(0);
  });
}

test("without a folder, or without a listener in it, there is no daemon", async () => {
  using folder = tempFolder();
  expect(await connectIfRunning({ socket: `${folder.path}/none/d.sock`, foreign: false })).toBeNull();
  expect(await connectIfRunning({ socket: `${folder.path}/d.sock`, foreign: false })).toBeNull();
});

test("a listener that is closed before it accepts, as a killed daemon's is, is no daemon", async () => {
  using folder = tempFolder();
  fs.chmodSync(folder.path, 0o700);
  const socket = `${folder.path}/d.sock`;
  const listener = Bun.listen({ unix: socket, socket: { data() {} } });
  const connecting = connectIfRunning({ socket, foreign: false });
  listener.stop(true);
  expect(await connecting).toBeNull();
});

test.each(["ENOENT", "ECONNREFUSED", "ECONNRESET", "ENOTDIR"])("%s means that there is no daemon", async (code) => {
  expect(await connecting(failing(system(code)))).toBeNull();
});

test.each([
  ["EACCES", "you are not allowed to open it (EACCES)"],
  ["ETIMEDOUT", "it does not respond"],
  ["ENOTSOCK", "it is not a socket"],
  ["EMFILE", "EMFILE"],
])("%s is a daemon that can't be reached", async (code, reason) => {
  expect(await connecting(failing(system(code)))).toMatchObject({ code: "DAEMON_UNREACHABLE", details: { reason } });
});

test("a folder that can't be searched is reported, not an unreachable daemon", async () => {
  using folder = tempFolder();
  const socket = `${folder.path}/another/state/run/d.sock`;
  const error = await connectIfRunning({ socket, foreign: false }, failing(system("EACCES"))).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "FOLDER_UNSAFE", details: { problem: `you may not look into ${folder.path}` } });
  const foreign = await connectIfRunning({ socket, foreign: true }, failing(system("EACCES"))).catch(
    (thrown) => thrown,
  );
  expect(foreign).toMatchObject({ code: "DAEMON_UNREACHABLE" });
});

test("errors with a code of ours, and bugs, are passed on", async () => {
  for (const error of [fail("PATH_TOO_LONG", { path: "/x", limit: 1 }), new TypeError("a bug")])
    expect(await connecting(failing(error))).toBe(error as BangerError);
});

test("the daemon has ten seconds to accept", async () => {
  let allowed: number | undefined;
  await connecting(async (_socket, timeoutMs) => {
    allowed = timeoutMs;
    throw system("ETIMEDOUT");
  });
  expect(allowed).toBe(10_000);
});

/** A connection whose listener is `peer`. */
const to =
  (peer: Peer | null): Connect =>
  async (_socket, _timeoutMs, check) => {
    check?.(peer);
    throw system("ENOENT");
  };

test("nothing is sent to a listener that the kernel does not identify, or to one of another user", async () => {
  const stranger = ownUid() + 1;
  for (const foreign of [false, true]) {
    expect(await connecting(to(null), foreign)).toMatchObject({ code: "DAEMON_UNTRUSTED" });
    const refused = await connecting(to({ uid: stranger, gid: 0, pid: 1 }), foreign);
    expect(refused).toMatchObject({
      code: "DAEMON_UNTRUSTED",
      details: { reason: expect.stringContaining(`uid ${stranger}`) },
    });
    expect(await connecting(to({ uid: ownUid(), gid: 0, pid: 1 }), foreign)).toBeNull();
  }
});

test("the service must be its owner's, folder and process: root's are not", async () => {
  await using daemon = await daemonIn(0o700);
  const stranger = { name: "anna", uid: ownUid() + 1, gid: 1 };
  const place = { socket: daemon.socket, foreign: false };
  const own = await connectIfRunning({ ...place, owner: { name: "me", uid: ownUid(), gid: 1 } });
  own?.destroy();
  expect(own).not.toBeNull();
  const refused = await connectIfRunning({ ...place, owner: stranger }).catch((thrown) => thrown);
  expect(refused).toMatchObject({ code: "DAEMON_UNTRUSTED", hint: expect.stringContaining("anna") });
  expect(daemon.connections).toBe(1);
});

test("a service that can't be reached is started with sudo, and not by this program", async () => {
  using folder = tempFolder();
  const owner = { name: "me", uid: ownUid(), gid: 1 };
  const place = { socket: `${folder.path}/d.sock`, foreign: false, owner };
  const connect = failing(system("EACCES"));
  expect(await connectIfRunning(place, connect).catch((thrown) => thrown)).toMatchObject({
    code: "DAEMON_UNREACHABLE",
    hint: "`sudo banger system restart` starts the service",
  });
});
