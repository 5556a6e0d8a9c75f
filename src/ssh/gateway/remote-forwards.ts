/** Listening in the guest for the client (`-R`; RFC 4254, 7, and streamlocal-forward of OpenSSH's PROTOCOL): what comes there goes to the client. */
import type { Connection, ServerChannel } from "ssh2";
import { toBangerError } from "../../base/errors/error.ts";
import type { AgentListener, Arrival, ListenRequest } from "../../wire/agent/listen.ts";
import type { Guest } from "./guest.ts";
import { listenFailure } from "./open-failure.ts";
import type { Places } from "./places.ts";

/** for one client; the agent has 32 for all clients of a VM */
const maxListeners = 16;

export type RemoteForwards = {
  client: Connection;
  guest: Guest;
  /** of the guest, whom the client has named */
  user: string;
  places: Places;
  /** what the client can't be told over ssh */
  say(text: string): void;
};

type Wanted = { bindAddr: string; bindPort: number } | { socketPath: string };
type Open = (done: (error: Error | undefined, channel: ServerChannel) => void) => void;

export function serveRemoteForwards(context: RemoteForwards): void {
  const { client } = context;
  const open = new Map<string, AgentListener | null>();
  const start = async (wanted: Wanted, accept: ((port?: number) => void) | undefined, reject: () => void) => {
    const key = keyOf(wanted);
    if (open.has(key) || open.size >= maxListeners) return reject();
    // its place is taken, whatever comes while it is opened
    open.set(key, null);
    try {
      const listener = await listen(context, wanted);
      open.delete(key);
      const present = "bindPort" in wanted ? { ...wanted, bindPort: listener.port } : wanted;
      open.set(keyOf(present), listener);
      accept?.(listener.port);
      void ended(context, listener).finally(() => open.delete(keyOf(present)));
    } catch (error) {
      open.delete(key);
      context.say(`${nameOf(wanted)} in the VM: ${listenFailure(error)}`);
      reject();
    }
  };
  client.on("request", (accept, reject, request, info) => {
    const refuse = () => reject?.();
    const wanted = info as Wanted;
    const name: string = request;
    if (name === "tcpip-forward" || name === "streamlocal-forward@openssh.com")
      return void start(wanted, accept as ((port?: number) => void) | undefined, refuse);
    const listener = open.get(keyOf(wanted));
    if (!listener) return refuse();
    listener.close();
    accept?.();
  });
  client.on("close", () => {
    for (const listener of open.values()) listener?.close();
  });
}

async function listen(context: RemoteForwards, wanted: Wanted): Promise<AgentListener> {
  const { client, guest, user } = context;
  if ("socketPath" in wanted) {
    const { socketPath } = wanted;
    const channel: Open = (done) => client.openssh_forwardOutStreamLocal(socketPath, done);
    return guest.listen({ unix: socketPath, user }, (arrival) => passOn(context, arrival, channel));
  }
  const { bindAddr, bindPort } = wanted;
  let port = bindPort;
  const onArrival = (arrival: Arrival) => {
    // the client knows it by the address that it has asked for
    passOn(context, arrival, (done) => client.forwardOut(bindAddr, port, arrival.address, arrival.port, done));
  };
  const listener = await guest.listen(requestOf(bindAddr, bindPort, user), onArrival);
  port = listener.port;
  return listener;
}

/** An empty address and `*` are every one of the guest's, as ssh(1) has it. */
function requestOf(address: string, port: number, user: string): ListenRequest {
  return { host: address === "*" ? "" : address, port, user };
}

/** Offers a connection to the client, and takes it from the guest once the client has agreed. */
export function passOn({ places }: Pick<RemoteForwards, "places">, arrival: Arrival, open: Open): void {
  if (!places.take()) return arrival.refuse();
  open((error, channel) => {
    if (error) {
      places.free();
      return arrival.refuse();
    }
    places.keep(channel);
    arrival.accept().then(
      (stream) => places.join(channel, stream),
      () => channel.destroy(),
    );
  });
}

/** A listener that is lost takes the connection with it: what it is for would only seem to be there. */
async function ended({ client, say }: RemoteForwards, listener: AgentListener): Promise<void> {
  try {
    await listener.closed;
  } catch (error) {
    say(toBangerError(error).message);
    client.end();
  }
}

function keyOf(wanted: Wanted): string {
  return "socketPath" in wanted ? wanted.socketPath : `${wanted.bindAddr}:${wanted.bindPort}`;
}

function nameOf(wanted: Wanted): string {
  return "socketPath" in wanted ? `socket ${wanted.socketPath}` : `port ${wanted.bindPort}`;
}
