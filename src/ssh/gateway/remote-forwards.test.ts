/** Listeners for the client, with a fake guest. */
import { expect, test } from "bun:test";
import type { Client } from "ssh2";
import { fail } from "../../base/errors/error.ts";
import type { AgentListener, Arrival, ListenRequest } from "../../wire/agent/listen.ts";
import type { AgentStream } from "../../wire/agent/types.ts";
import { makeHostKey } from "../keys.ts";
import type { Guest } from "./guest.ts";
import { serveSsh } from "./serve.ts";
import { connected, line } from "./testing/line.ts";

const [hostKey, mine] = [makeHostKey(), makeHostKey()];
const taken = 22;

type Fake = {
  request: ListenRequest;
  arrive: (arrival: Arrival) => void;
  lose: (error: Error) => void;
  isClosed: boolean;
};

function fakeGuest() {
  const listeners: Fake[] = [];
  const guest: Guest = {
    command: () => Promise.reject(new Error("a test")),
    dial: () => Promise.reject(new Error("a test")),
    async listen(request, onArrival) {
      if ("port" in request && request.port === taken)
        throw fail("AGENT_REFUSED", { verb: "listen", reason: "EADDRINUSE", code: "busy" });
      const over = Promise.withResolvers<void>();
      const fake: Fake = { request, arrive: onArrival, lose: over.reject, isClosed: false };
      listeners.push(fake);
      const listener: AgentListener = {
        port: "port" in request ? request.port || 40_000 : 0,
        path: "",
        closed: over.promise,
        close: () => {
          fake.isClosed = true;
          over.resolve();
        },
      };
      return listener;
    },
  };
  return { guest, listeners };
}

/** A connection that sends back what it gets, once it is accepted. */
function arrival(): Arrival & { outcome: Promise<"accepted" | "refused"> } {
  const { promise: outcome, resolve } = Promise.withResolvers<"accepted" | "refused">();
  let onData: Parameters<AgentStream["onData"]>[0] = () => {};
  let onEof: (channel: number) => void = () => {};
  const over = Promise.withResolvers<void>();
  const stream: AgentStream = {
    reply: {},
    write: async (channel, data) => onData(channel, data),
    eof: (channel) => {
      onEof(channel);
      over.resolve();
    },
    event: () => {},
    onData: (listener) => {
      onData = listener;
    },
    onEof: (listener) => {
      onEof = listener;
    },
    onEvent: () => {},
    closed: over.promise,
    close: () => over.resolve(),
  };
  return {
    ...{ id: 1, address: "127.0.0.1", port: 5000, outcome },
    accept: async () => {
      resolve("accepted");
      return stream;
    },
    refuse: () => resolve("refused"),
  };
}

async function world() {
  const { guest, listeners } = fakeGuest();
  const said: string[] = [];
  const [socket, other] = line();
  const options = { hostKey: hostKey.private, accepted: [mine.public], guest };
  const over = serveSsh(socket, { ...options, say: (text) => void said.push(text) });
  const client = await connected(other, { privateKey: mine.private });
  return { client, listeners, said, over };
}

const forward = (client: Client, host: string, port: number) => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  client.forwardIn(host, port, (error, bound) => (error ? reject(error) : resolve(bound)));
  return promise;
};

test("a free port is told, and its connections go to the client", async () => {
  const { client, listeners, over } = await world();
  expect(await forward(client, "", 0)).toBe(40_000);
  expect(listeners[0]?.request).toEqual({ host: "", port: 0, user: "root" });
  const echoed = Promise.withResolvers<string>();
  client.on("tcp connection", ({ destIP, destPort, srcIP, srcPort }, accept) => {
    expect([destIP, destPort, srcIP, srcPort]).toEqual(["", 40_000, "127.0.0.1", 5000]);
    const channel = accept();
    channel.on("data", (chunk: Buffer) => echoed.resolve(String(chunk)));
    channel.end("hello");
  });
  const one = arrival();
  listeners[0]?.arrive(one);
  expect(await one.outcome).toBe("accepted");
  expect(await echoed.promise).toBe("hello");
  client.end();
  await over;
  expect(listeners[0]?.isClosed).toBe(true);
});

test("a client that does not want a connection closes it", async () => {
  const { client, listeners } = await world();
  await forward(client, "localhost", 8080);
  client.on("tcp connection", (_info, _accept, reject) => reject());
  const one = arrival();
  listeners[0]?.arrive(one);
  expect(await one.outcome).toBe("refused");
  client.end();
});

test("a port that is taken is refused, and said", async () => {
  const { client, said } = await world();
  await expect(forward(client, "localhost", taken)).rejects.toThrow();
  expect(said).toEqual(["port 22 in the VM: it is taken"]);
  client.end();
});

test("an end of listening, and the same port again", async () => {
  const { client, listeners } = await world();
  const port = await forward(client, "localhost", 0);
  await expect(forward(client, "localhost", port)).rejects.toThrow();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.unforwardIn("localhost", port, () => resolve());
  await promise;
  expect(listeners[0]?.isClosed).toBe(true);
  expect(await forward(client, "localhost", port)).toBe(port);
  client.end();
});

test("sixteen listeners, and no more", async () => {
  const { client, listeners } = await world();
  const all = await Promise.allSettled(Array.from({ length: 40 }, (_, at) => forward(client, "localhost", 9000 + at)));
  expect([all.filter(({ status }) => status === "fulfilled").length, listeners.length]).toEqual([16, 16]);
  client.end();
});

test("a thousand connections at once: as many as there are channels go to the client, the others are closed", async () => {
  const { client, listeners } = await world();
  await forward(client, "localhost", 8080);
  client.on("tcp connection", (_info, accept) => void accept().on("error", () => {}));
  const all = Array.from({ length: 1000 }, arrival);
  for (const one of all) listeners[0]?.arrive(one);
  const outcomes = await Promise.all(all.map(({ outcome }) => outcome));
  expect(outcomes.filter((outcome) => outcome === "accepted").length).toBe(64);
  client.end();
});

test("a listener that is lost ends the connection, with the reason", async () => {
  const { client, listeners, said, over } = await world();
  client.on("error", () => {});
  await forward(client, "localhost", 8080);
  listeners[0]?.lose(fail("SESSION_LOST", { name: "box", reason: "it was deleted" }));
  await over;
  expect(said).toEqual([expect.stringContaining("it was deleted")]);
});
