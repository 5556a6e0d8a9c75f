/**
 * The gateway as a program, for a real client's ProxyCommand: its guest is this machine, where commands run as whoever runs the test.
 * Arguments: the file with the host key, the file with the accepted keys, and the socket of an agent that the guest is reached by, if any.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { connectUnix } from "../../../host/net/socket.ts";
import { stdioDuplex } from "../../../host/terminal/stdio-duplex.ts";
import { processTerminal } from "../../../host/terminal/terminal.ts";
import { connectAgent } from "../../../wire/agent/client.ts";
import type { AgentStream, ExecRequest, Json } from "../../../wire/agent/types.ts";
import type { Guest, GuestCommand } from "../guest.ts";
import { serveSsh } from "../serve.ts";

const [hostKey = "", accepted = ""] = process.argv.slice(2, 4).map((path) => String(readFileSync(path)));
const [, , , , agent] = process.argv;

function localCommand({ argv, env, shell, tty }: ExecRequest): GuestCommand {
  let onData: Parameters<AgentStream["onData"]>[0] = () => {};
  let onEvent: (event: Json) => void = () => {};
  const child = Bun.spawn(shell ? ["/bin/sh"] : (argv ?? []), {
    env: { ...process.env, ...env, ...(tty ? { COLUMNS: String(tty.cols), TERM: tty.term ?? "" } : {}) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const pump = async (channel: number, from: ReadableStream<Uint8Array>) => {
    for await (const chunk of from) await onData(channel, chunk);
  };
  const closed = (async () => {
    await Bun.sleep(0);
    await Promise.all([pump(1, child.stdout), pump(2, child.stderr)]);
    await child.exited;
    onEvent({
      event: "exit",
      ...(child.signalCode ? { signal: child.signalCode, number: 15 } : { code: child.exitCode }),
    });
  })();
  return {
    write: async (_, data) => {
      child.stdin.write(data.slice());
      await child.stdin.flush();
    },
    eof: () => void child.stdin.end(),
    event: (event) => {
      if (event["event"] === "signal") child.kill(`SIG${event["signal"]}` as NodeJS.Signals);
    },
    onData: (listener) => {
      onData = listener;
    },
    onEvent: (listener) => {
      onEvent = listener;
    },
    closed,
    close: () => child.kill(),
  };
}

async function localDial(to: Parameters<Guest["dial"]>[0]): Promise<AgentStream> {
  const socket = "unix" in to ? connect({ path: to.unix }) : connect({ host: to.host, port: to.port });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve);
  socket.once("error", reject);
  await promise;
  const closed = Promise.withResolvers<void>();
  socket.on("close", () => closed.resolve());
  return {
    reply: {},
    write: async (_, data) => void socket.write(data.slice()),
    eof: () => void socket.end(),
    event: () => {},
    onData: (listener) => void socket.on("data", (chunk: Buffer) => void listener(0, chunk)),
    onEof: (listener) => void socket.on("end", () => listener(0)),
    onEvent: () => {},
    closed: closed.promise,
    close: () => socket.destroy(),
  };
}

const noListeners = () => Promise.reject(new Error("no listeners"));

async function agentGuest(path: string): Promise<Guest> {
  const client = await connectAgent(await connectUnix(path), { resync: false, timeoutMs: 5000 });
  return {
    command: (request) => client.open("exec", request),
    dial: (to) => client.open("dial", to),
    listen: noListeners,
  };
}

await serveSsh(stdioDuplex(processTerminal()), {
  hostKey,
  accepted: accepted.split("\n").filter(Boolean),
  guest: agent
    ? await agentGuest(agent)
    : { command: async (request) => localCommand(request), dial: localDial, listen: noListeners },
  say: () => {},
});
process.stdin.destroy();
