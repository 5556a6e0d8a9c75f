/** The agent of the user's ssh client in the guest (`-A`): a socket there, only when the client asks for it. */

import { randomBytes } from "node:crypto";
import type { Connection } from "ssh2";
import type { ExecRequest } from "../../wire/agent/types.ts";
import { listenFailure } from "./open-failure.ts";
import { passOn, type RemoteForwards } from "./remote-forwards.ts";
import { openAgentChannel } from "./ssh2-internals.ts";

/** One for all sessions of a connection, made when the first one asks; it ends with the connection. */
export class AgentForward {
  readonly #context: RemoteForwards;
  #socket: Promise<string | null> | null = null;

  constructor(context: RemoteForwards) {
    this.#context = context;
  }

  /** Its path in the guest, for SSH_AUTH_SOCK; null where there can't be one. */
  socket(): Promise<string | null> {
    this.#socket ??= this.#listen().catch((error: unknown) => {
      this.#socket = null;
      this.#context.say(`no ssh agent in the VM: ${listenFailure(error)}`);
      return null;
    });
    return this.#socket;
  }

  async #listen(): Promise<string> {
    const { client, guest, user } = this.#context;
    const name = randomBytes(8).toString("hex");
    const listener = await guest.listen({ unix: true, name, user }, (arrival) =>
      passOn(this.#context, arrival, (done) => void openChannel(client, done)),
    );
    client.on("close", () => listener.close());
    // commands go on without it when it is lost
    listener.closed.catch(() => {});
    return listener.path;
  }
}

function openChannel(client: Connection, done: Parameters<Parameters<typeof passOn>[2]>[0]): Promise<void> {
  return openAgentChannel(client).then(
    (channel) => done(undefined, channel),
    (error: Error) => done(error, undefined as never),
  );
}

/** The command with that agent. A variable of the client's is not in its way. */
export function withAgent(request: ExecRequest, socket: string | null): ExecRequest {
  return socket === null ? request : { ...request, env: { ...request.env, SSH_AUTH_SOCK: socket } };
}
