import { afterEach, expect, test } from "bun:test";
import net from "node:net";
import { memoryLogger } from "../../host/testing/log.ts";
import { queryBytes } from "../../wire/dns/testing/messages.ts";
import { type DnsOptions, type DnsServer, startDns } from "./server.ts";
import { askTcp, askUdp, udpClient } from "./testing/client.ts";

const servers: DnsServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function start(change: Partial<DnsOptions> = {}): Promise<DnsServer> {
  const server = await startDns({
    network: { address: "127.0.0.1", prefix: 8 },
    port: 0,
    names: { addressOf: (name) => (name === "sandbox" ? "127.0.0.5" : null), nameOf: () => "sandbox" },
    log: memoryLogger(),
    ...change,
  });
  servers.push(server);
  return server;
}

const sandbox = { name: ["sandbox", "vm"] };

test("UDP and TCP at the same port", async () => {
  const { port } = await start();
  const answers = [expect.objectContaining({ data: "127.0.0.5" })];
  expect(await askUdp(port, sandbox)).toMatchObject({ rcode: 0, answers });
  expect(await askTcp(port, [sandbox])).toMatchObject([{ rcode: 0, answers }]);
});

test("several queries over one TCP connection are answered in their order", async () => {
  const { port } = await start();
  const ids = Array.from({ length: 300 }, (_, id) => id);
  const answers = await askTcp(
    port,
    ids.map((id) => ({ ...sandbox, id })),
  );
  expect(answers.map(({ id }) => id)).toEqual(ids);
});

test("strange datagrams end nothing", async () => {
  const { port } = await start();
  const client = await udpClient(port);
  const broken = [Buffer.alloc(0), Buffer.alloc(11), Buffer.alloc(12, 0xff), Buffer.alloc(60_000, 0x81)];
  for (const bytes of broken) void client.ask(bytes);
  expect(await client.ask(queryBytes({ ...sandbox, id: 99 }))).toMatchObject({ 0: 0, 1: 99 });
  // answered, but not as a query
  expect((await client.ask(Buffer.alloc(60_000)))[3]).toBe(1);
  client.close();
});

test("a connection over the limit is closed at once, and one that ends makes room", async () => {
  const { port } = await start();
  const open = () => net.connect({ port, host: "127.0.0.1" }).on("error", () => {});
  const sockets = Array.from({ length: 64 }, open);
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  await new Promise((resolve) => open().once("close", resolve));
  sockets.pop()?.destroy();
  // the server notices the end in its own time
  for (;;) {
    const answers = await askTcp(port, [sandbox]).catch(() => []);
    if (answers.length === 1) break;
  }
  for (const socket of sockets) socket.destroy();
});

test("a connection that asks nothing is closed", async () => {
  const { port } = await start({ idleMs: 20 });
  const socket = net.connect({ port, host: "127.0.0.1" });
  await new Promise((resolve) => socket.once("close", resolve));
});

test("closing ends both sockets and the connections", async () => {
  const server = await start();
  const socket = net.connect({ port: server.port, host: "127.0.0.1" }).on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  server.close();
  await closed;
  await expect(askTcp(server.port, [sandbox])).rejects.toMatchObject({ code: "ECONNREFUSED" });
  const again = await start({ port: server.port });
  expect(await askUdp(again.port, sandbox)).toMatchObject({ rcode: 0 });
});

test("an address that the host does not have", async () => {
  await expect(start({ network: { address: "203.0.113.77", prefix: 24 } })).rejects.toMatchObject({
    code: "DNS_UNAVAILABLE",
    details: { address: "203.0.113.77", reason: "EADDRNOTAVAIL" },
    hint: expect.stringContaining("banger system restart"),
  });
});

test("a port that another program has, over UDP or over TCP: neither is kept", async () => {
  const { port } = await start();
  await expect(start({ port })).rejects.toMatchObject({
    code: "DNS_UNAVAILABLE",
    message: expect.stringContaining("another program listens there"),
  });
  const tcp = net.createServer();
  await new Promise<void>((resolve) => tcp.listen({ port: 0, host: "127.0.0.1" }, resolve));
  const { port: taken } = tcp.address() as net.AddressInfo;
  await expect(start({ port: taken })).rejects.toMatchObject({ details: { reason: "EADDRINUSE", port: taken } });
  await new Promise((resolve) => tcp.close(resolve));
  await start({ port: taken });
});
