/** What a client opens over one ssh connection: sessions, connections to ports and sockets of the guest, and listeners there. */
import type { Connection, ServerChannel } from "ssh2";
import { AgentForward } from "./agent-forward.ts";
import type { Guest } from "./guest.ts";
import { openFailure } from "./open-failure.ts";
import { Places } from "./places.ts";
import { serveRemoteForwards } from "./remote-forwards.ts";
import { serveSession } from "./session.ts";
import { refuseChannel } from "./ssh2-internals.ts";

/** @param user of the guest, whom the client has named @param say tells the user what ssh has no words for */
export function serveChannels(client: Connection, guest: Guest, user: string, say: (text: string) => void): Places {
  const places = new Places();
  const context = { client, guest, user, places, say };
  const agent = new AgentForward(context);
  serveRemoteForwards(context);
  client.on("session", (accept, reject) => {
    if (!places.take()) return void reject();
    const session = accept();
    places.keep(session);
    serveSession(session, guest, user, agent);
  });
  const connect = async (to: Parameters<Guest["dial"]>[0], accept: () => ServerChannel, reject: () => void) => {
    if (!places.take()) return refuseChannel(client, reject, "too many channels");
    const stream = await guest.dial(to).catch((error: unknown) => {
      places.free();
      refuseChannel(client, reject, openFailure(error));
    });
    if (!stream) return;
    const channel = accept();
    places.keep(channel);
    places.join(channel, stream);
  };
  client.on("tcpip", (accept, reject, { destIP, destPort }) => {
    void connect({ host: destIP, port: destPort }, accept, reject);
  });
  client.on("openssh.streamlocal", (accept, reject, { socketPath }) => {
    void connect({ unix: socketPath }, accept as () => ServerChannel, reject);
  });
  return places;
}
