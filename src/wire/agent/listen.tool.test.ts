/** `listen` and `accept` of the real agent, on this machine. */
import { expect } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";
import { gatedTest } from "../../host/testing/gate.ts";
import { type Arrival, type ListenRequest, listenInGuest } from "./listen.ts";
import { served } from "./testing/served-agent.ts";
import type { AgentClient, AgentStream, Json } from "./types.ts";

const need = "tool:banger-vsock-agent";
const me = String(process.getuid?.());

/** Listens, and gives the connections one by one. */
async function listening(agent: AgentClient, request: ListenRequest) {
  const arrived: Arrival[] = [];
  const waiting: ((arrival: Arrival) => void)[] = [];
  const listener = await listenInGuest(agent, { user: me, ...request }, (arrival) => {
    const next = waiting.shift();
    if (next) next(arrival);
    else arrived.push(arrival);
  });
  const next = () => {
    const { promise, resolve } = Promise.withResolvers<Arrival>();
    const first = arrived.shift();
    if (first) resolve(first);
    else waiting.push(resolve);
    return promise;
  };
  return { ...listener, next, arrived };
}

/** What a socket receives until its end, which comes as `closed` too when it is an error. */
function received(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(text));
  return promise;
}

async function dialed(to: { port: number } | { path: string }): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ ...to, allowHalfOpen: true })
    .once("connect", resolve)
    .once("error", reject);
  await promise;
  return socket;
}

async function readAll(stream: AgentStream): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let text = "";
  stream.onData((_, data) => {
    text += Buffer.from(data);
  });
  stream.onEof(() => resolve());
  await promise;
  return text;
}

const agentWith = (use: (agent: AgentClient, folder: string) => Promise<void>) =>
  served(
    async (connectAgent, folder) => {
      const agent = await connectAgent(false);
      await use(agent, folder);
      agent.destroy();
    },
    (folder) => ["--root", folder],
  );

gatedTest(need, "a connection to a port goes to the host, both ways, with half closes", () =>
  agentWith(async (agent) => {
    const { port, next, close, closed } = await listening(agent, { host: "localhost", port: 0 });
    const client = await dialed({ port });
    const reply = received(client);
    client.end("a question");
    const arrival = await next();
    expect(arrival).toMatchObject({ address: "127.0.0.1", port: client.localPort });
    const stream = await arrival.accept();
    expect(await readAll(stream)).toBe("a question");
    await stream.write(0, Buffer.from("an answer"));
    stream.eof(0);
    expect(await reply).toBe("an answer");
    await expect(arrival.accept()).rejects.toMatchObject({ details: { code: "gone" } });
    close();
    await closed;
    const { promise, resolve } = Promise.withResolvers<Error>();
    connect(port, "127.0.0.1").on("error", resolve);
    expect(await promise).toMatchObject({ code: "ECONNREFUSED" });
  }),
);

gatedTest(need, "connections that were accepted outlive their listener; those that wait end with it", () =>
  agentWith(async (agent) => {
    const { port, next, close, closed } = await listening(agent, { host: "127.0.0.1", port: 0 });
    const [first, second] = [await dialed({ port }), await dialed({ port })];
    const [one, two] = [received(first), received(second)];
    const [a, b] = [await next(), await next()];
    const stream = await (a.port === first.localPort ? a : b).accept();
    close();
    await closed;
    second.end();
    expect(await two).toBe("");
    first.end();
    await stream.write(0, Buffer.from("still here"));
    stream.eof(0);
    expect(await one).toBe("still here");
  }),
);

gatedTest(need, "a connection that is refused is closed, and sixteen wait at most", () =>
  agentWith(async (agent) => {
    const { port, next, arrived, close } = await listening(agent, { host: "127.0.0.1", port: 0 });
    const clients = await Promise.all(Array.from({ length: 20 }, () => dialed({ port })));
    const ends = clients.map(received);
    const first: Arrival[] = [];
    for (let at = 0; at < 16; at++) first.push(await next());
    await agent.ping();
    expect(arrived.length).toBe(0);
    for (const one of first.slice(0, 4)) one.refuse();
    for (let at = 0; at < 4; at++) await next();
    expect(arrived.length).toBe(0);
    for (const client of clients) client.end();
    const refused = clients.flatMap((client, at) =>
      first.slice(0, 4).some(({ port: from }) => from === client.localPort) ? [ends[at]] : [],
    );
    expect(await Promise.all(refused)).toEqual(["", "", "", ""]);
    close();
    await Promise.all(ends);
  }),
);

gatedTest(need, "a socket of one's own folder, which goes with the session", () =>
  served(
    async (connectAgent) => {
      const agent = await connectAgent(false);
      const { path, port, next } = await listening(agent, { unix: true });
      expect([port, statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777]).toEqual([0, 0o600, 0o700]);
      const client = await dialed({ path });
      const reply = received(client);
      const arrival = await next();
      expect(arrival).toMatchObject({ address: "", port: 0 });
      const stream = await arrival.accept();
      client.end();
      await stream.write(0, Buffer.from("hello"));
      stream.eof(0);
      expect(await reply).toBe("hello");
      agent.destroy();
      const other = await connectAgent(true);
      // the agent serves the next session when it has ended the last one's streams
      while (existsSync(path)) await other.ping();
      other.destroy();
    },
    (folder) => ["--root", folder],
  ),
);

gatedTest(need, "what is taken or asked for wrongly is refused", () =>
  agentWith(async (agent, folder) => {
    const { port, path } = await listening(agent, { host: "127.0.0.1", port: 0 });
    expect(path).toBe("");
    const codes: unknown[] = [];
    const wrong: Json[] = [
      { host: "127.0.0.1", port },
      { host: "example.com", port: 0 },
      { unix: `${folder}/none/x` },
      { host: "127.0.0.1", port: 0, user: "nobody-of-that-name" },
    ];
    for (const request of wrong) {
      const refusal = await agent.open("listen", { user: me, ...request }).catch((error: { details: Json }) => error);
      codes.push("details" in refusal ? refusal.details["code"] : null);
    }
    expect(codes).toEqual(["busy", "bad_request", "io", "no_user"]);
    for (let at = 1; at < 32; at++) await listening(agent, { host: "127.0.0.1", port: 0 });
    await expect(listening(agent, { host: "127.0.0.1", port: 0 })).rejects.toMatchObject({
      details: { code: "limit" },
    });
  }),
);

gatedTest(need, "its own listeners are no ports of the guest", () =>
  agentWith(async (agent) => {
    const { port } = await listening(agent, { host: "127.0.0.1", port: 0 });
    const stream = await agent.open("ports", {});
    const { promise, resolve } = Promise.withResolvers<Json>();
    stream.onEvent(resolve);
    const listen = (await promise)["listen"] as Json[];
    expect(listen.filter((one) => one["port"] === port)).toEqual([]);
  }),
);
