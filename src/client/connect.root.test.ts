/** Another user's listener and another user's folder get nothing, however they stand. */
import { expect } from "bun:test";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { isError } from "../base/errors/error.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { Api } from "./api.ts";
import { connectIfRunning } from "./connect.ts";

const nobody = 65_534;

/** Listens, says so, and tells at each connection's end how many bytes came. */
const listening = `
  const sizes = new Map();
  Bun.listen({ unix: process.argv[1], socket: {
    open: (socket) => void sizes.set(socket, 0),
    data: (socket, chunk) => void sizes.set(socket, sizes.get(socket) + chunk.length),
    close: (socket) => console.log("got " + sizes.get(socket)),
  } });
  console.log("ready");
`;

/** A process of another user's that listens at `socket`. */
async function stranger(socket: string) {
  const child = spawn(process.execPath, ["-e", listening, socket], {
    uid: nobody,
    gid: nobody,
    stdio: ["ignore", "pipe", "inherit"],
    env: { HOME: "/nonexistent", TMPDIR: "/tmp", BUN_TMPDIR: "/tmp" },
  });
  const lines = child.stdout[Symbol.asyncIterator]();
  const line = async () => String((await lines.next()).value).trim();
  expect(await line()).toBe("ready");
  return { line, [Symbol.dispose]: () => void child.kill() };
}

for (const foreign of [false, true]) {
  const how = foreign ? "named by BANGER_SOCKET" : "in XDG_RUNTIME_DIR";
  gatedTest("root", `a listener of another user's gets no byte, ${how}`, async () => {
    using folder = tempFolder();
    fs.chownSync(folder.path, nobody, nobody);
    const socket = `${folder.path}/d.sock`;
    using other = await stranger(socket);
    fs.chownSync(folder.path, 0, 0);
    const connect = async () => {
      const line = await connectIfRunning({ socket, foreign });
      if (!line) throw new Error("nobody listens");
      return line;
    };
    const api = new Api({ connect, version: "1", socket });
    const credential = { username: "me", password: "secret" };
    const error = await api
      .work("pullImage", { name: "x", body: { insecure: false, credential } }, () => {})
      .catch((thrown: unknown) => thrown);
    expect(isError(error, "DAEMON_UNTRUSTED")).toBe(true);
    expect((error as Error).message).toContain(`uid ${nobody} listens there, you are uid 0`);
    expect(await other.line()).toBe("got 0");
  });

  gatedTest("root", `a folder of another user's is not gone into, ${how}`, async () => {
    using folder = tempFolder();
    fs.chownSync(folder.path, nobody, nobody);
    const connecting = connectIfRunning({ socket: `${folder.path}/d.sock`, foreign });
    const error = await connecting.catch((thrown: unknown) => thrown);
    expect(isError(error, "DAEMON_UNTRUSTED")).toBe(true);
    expect((error as Error).message).toContain(`${folder.path} belongs to uid ${nobody}, you are uid 0`);
  });
}
