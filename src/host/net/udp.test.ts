import { afterEach, expect, test } from "bun:test";
import dgram from "node:dgram";
import { bindUdp, type UdpLimits, type UdpSocket } from "./udp.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A socket that notes what it gets, and one that sends to it. */
async function pair(limits?: UdpLimits) {
  const got: string[] = [];
  let onGot = () => {};
  const onDatagram = (datagram: Uint8Array) => {
    got.push(Buffer.from(datagram).toString());
    onGot();
  };
  const socket: UdpSocket = await bindUdp("127.0.0.1", 0, onDatagram, () => {}, limits);
  // sends at once, which node's does later
  const sender = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  open.push(socket, sender);
  const send = (text: string) => sender.send(text, socket.port, "127.0.0.1");
  const nextGot = () =>
    new Promise<void>((resolve) => {
      onGot = resolve;
    });
  return { got, send, nextGot, socket };
}

test("datagrams come with their sender, and answers go there", async () => {
  const server: UdpSocket = await bindUdp(
    "127.0.0.1",
    0,
    (datagram, from) => server.send(Buffer.concat([datagram, Buffer.from("!")]), from),
    () => {},
  );
  const client = dgram.createSocket("udp4");
  open.push(server, client);
  const answer = new Promise<string>((resolve) => client.once("message", (text) => resolve(text.toString())));
  client.send("hello", server.port, "127.0.0.1");
  expect(await answer).toBe("hello!");
});

test("of what comes without a pause a part is taken, and again after a while", async () => {
  const timers: { ms: number; run: () => void }[] = [];
  const paused = Promise.withResolvers<void>();
  const { got, send, nextGot } = await pair({
    atOnce: 8,
    pauseMs: 20,
    after(ms, run) {
      timers.push({ ms, run });
      paused.resolve();
    },
  });
  for (let at = 0; at < 40; at++) send(`${at}`);
  await paused.promise;
  expect([got, timers.map(({ ms }) => ms)]).toEqual([["0", "1", "2", "3", "4", "5", "6", "7"], [20]]);
  send("dropped");
  timers[0]?.run();
  const next = nextGot();
  send("taken");
  await next;
  expect(got.at(-1)).toBe("taken");
  expect(got).not.toContain("dropped");
});

test("fewer than that are all taken, and there is no pause", async () => {
  const { got, send, nextGot } = await pair({ atOnce: 8, pauseMs: 20, after: () => expect.unreachable() });
  for (let round = 0; round < 10; round++) {
    const next = nextGot();
    send(`${round}`);
    await next;
    // a turn of the event loop
    await new Promise(setImmediate);
  }
  expect(got).toHaveLength(10);
});

test("a port that is taken, and an address that is not the host's", async () => {
  const { socket } = await pair();
  const bind = (address: string, port: number) =>
    bindUdp(
      address,
      port,
      () => {},
      () => {},
    );
  await expect(bind("127.0.0.1", socket.port)).rejects.toMatchObject({ code: "EADDRINUSE" });
  await expect(bind("203.0.113.77", 0)).rejects.toMatchObject({ code: "EADDRNOTAVAIL" });
});

test("one that is closed sends nothing, can be closed again, and its port is free", async () => {
  const { socket } = await pair();
  socket.close();
  socket.close();
  socket.send(Buffer.from("late"), { address: "127.0.0.1", port: 9 });
  const again = await bindUdp(
    "127.0.0.1",
    socket.port,
    () => {},
    () => {},
  );
  again.close();
});
