/** The channels that one ssh connection has, and what of them is still under way. */
import type { EventEmitter } from "node:events";
import type { ServerChannel } from "ssh2";
import type { AgentStream } from "../../wire/agent/types.ts";
import { joinConnection } from "./join.ts";

/** at a time; the agent has 256 streams for all clients of a VM */
const maxChannels = 64;

/** Counts the channels of a connection, also those that are about to be opened. */
export class Places {
  #taken = 0;
  readonly #rests = new Set<Promise<void>>();

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

  /** Joins a connection to or from the guest. */
  join(channel: ServerChannel, stream: AgentStream): void {
    joinConnection(channel, stream, (rest) => {
      this.#rests.add(rest);
      void rest.then(() => this.#rests.delete(rest));
    });
  }

  /** Resolves when the guest has got what came over channels that have ended well. */
  async settled(): Promise<void> {
    await Promise.all(this.#rests);
  }
}
