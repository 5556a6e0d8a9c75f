/** Whom the CLI speaks to: it is decided before a byte is sent. */
import { expect, test } from "bun:test";
import * as fs from "node:fs";
import type { BangerError } from "../base/errors/error.ts";
import { isError } from "../base/errors/error.ts";
import { listenUnix } from "../host/socket.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { connectIfRunning } from "./connect.ts";

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

test("no folder, or nobody in it, is no daemon", async () => {
  using folder = tempFolder();
  expect(await connectIfRunning({ socket: `${folder.path}/none/d.sock`, foreign: false })).toBeNull();
  expect(await connectIfRunning({ socket: `${folder.path}/d.sock`, foreign: false })).toBeNull();
});
