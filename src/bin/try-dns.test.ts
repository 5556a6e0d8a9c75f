import { afterEach, expect, test } from "bun:test";
import { bindUdp, type UdpSocket } from "../host/net/udp.ts";
import type { Exec } from "../host/process/exec.ts";
import { memoryLogger } from "../host/testing/log.ts";
import { startDns } from "../network/dns/server.ts";
import { queryBytes } from "../wire/dns/testing/messages.ts";
import { probeQuery, tryDns } from "./try-dns.ts";

const network = { address: "127.0.0.1", prefix: 8 };
const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function getent(stdout: string, exitCode = 0): Exec {
  return async (argv) => {
    expect(argv).toEqual(["getent", "ahostsv4", "_banger.vm"]);
    return { argv, exitCode, signal: null, stdout: Buffer.from(stdout), stderr: Buffer.alloc(0), durationMs: 0 };
  };
}

const lines = "127.0.0.1       STREAM _banger.vm\n127.0.0.1       DGRAM  \n127.0.0.1       RAW    \n";
const stranger = async (onDatagram: (socket: UdpSocket, from: { address: string; port: number }) => void) => {
  const socket = await bindUdp(
    "127.0.0.1",
    0,
    (_, from) => onDatagram(socket, from),
    () => {},
  );
  open.push(socket);
  return socket.port;
};

test("our own server, and a resolver that asks it", async () => {
  const names = { addressOf: () => null, nameOf: () => null };
  const server = await startDns({ network, port: 0, names, log: memoryLogger() });
  open.push(server);
  expect(await tryDns({ exec: getent(lines), network, port: server.port, timeoutMs: 10_000 })).toEqual({
    address: "127.0.0.1",
    server: "right",
    resolved: ["127.0.0.1"],
  });
});

test("another program at the port, and a resolver that knows nothing", async () => {
  const port = await stranger((socket, from) => socket.send(Buffer.from("hello"), from));
  expect(await tryDns({ exec: getent("", 2), network, port, timeoutMs: 10_000 })).toMatchObject({
    server: "other",
    resolved: [],
  });
});

test("no answer, and no getent", async () => {
  const exec = () => Promise.reject(new Error("no such program"));
  const port = await stranger(() => {});
  expect(await tryDns({ exec, network, port, timeoutMs: 20 })).toMatchObject({ server: "none", resolved: [] });
});

test("the query that is sent", () => {
  expect(probeQuery.equals(queryBytes({ id: 0x6267, name: ["_banger", "vm"] }))).toBe(true);
});
