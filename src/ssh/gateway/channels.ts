/** What a client opens over one ssh connection: sessions, and connections to ports and sockets of the guest. */
import type { EventEmitter } from "node:events";
import type { Connection, ServerChannel } from "ssh2";
import type { Guest } from "./guest.ts";
import { joinConnection } from "./join.ts";
import { openFailure } from "./open-failure.ts";
import { serveSession } from "./session.ts";
import { refuseChannel } from "./ssh2-internals.ts";

/** channels at a time; the agent has 256 streams for all clients of a VM */
const maxChannels = 64;

/** Counts the channels of a connection, also those that are about to be opened. */
export class Places {
  #taken = 0;

  /** False: there are too many. Otherwise `keep` or `free` has to follow. */
  take(): boolean {
    if (this.#taken >= maxChannels) return false;
    this.#taken += 1;
    return true;
  }

  keep(channel: Pick<EventEmitter, "once">): void {
    channel.once("close", () => this.free());
  }

  free(): void {
    this.#taken -= 1;
  }
}

/** @param user of the guest, whom the client has named */
export function serveChannels(client: Connection, guest: Guest, user: string): void {
  const places = new Places();
  client.on("session", (accept, reject) => {
    if (!places.take()) return void reject();
    const session = accept();
    places.keep(session);
    serveSession(session, guest, user);
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
    joinConnection(channel, stream);
  };
  client.on("tcpip", (accept, reject, { destIP, destPort }) => {
    void connect({ host: destIP, port: destPort }, accept, reject);
  });
  client.on("openssh.streamlocal", (accept, reject, { socketPath }) => {
    void connect({ unix: socketPath }, accept as () => ServerChannel, reject);
  });
  // listening in the guest (-R) is not offered
  client.on("request", (_accept, reject) => reject?.());
}
