/** Opens sessions: with the agent in a guest, or between `banger` and `bangerd`. */
import type { ByteStream } from "../../base/bytes.ts";
import { fail, toBangerError } from "../../base/errors/error.ts";
import { Handshake } from "./handshake.ts";
import { makeNonce, preamble, tagOf } from "./preamble.ts";
import { Session } from "./session.ts";
import type { AgentClient } from "./types.ts";

export type ConnectOptions = {
  /** an earlier session may have used this connection */
  resync: boolean;
  timeoutMs: number;
  /** of the VM, in messages */
  name?: string;
};

/**
 * Does the handshake: preamble, the agent's answer, HELLO. Destroys the connection on failure.
 * @throws AGENT_PROTOCOL, AGENT_UNREACHABLE
 */
export async function connectAgent(connection: ByteStream, options: ConnectOptions): Promise<AgentClient> {
  const nonce = makeNonce();
  const handshake = new Handshake(connection, nonce);
  const name = options.name ?? "?";
  const timer = setTimeout(
    () => handshake.fail(new Error(`no answer within ${options.timeoutMs / 1000} s`)),
    options.timeoutMs,
  );
  try {
    connection.write(preamble(nonce, options.resync));
    const { hello, rest } = await handshake.done;
    return new Session(handshake.connection, { tag: tagOf(nonce), side: "host", hello, name }).start(rest);
  } catch (error) {
    connection.destroy();
    const known = toBangerError(error);
    throw known.code === "INTERNAL"
      ? fail("AGENT_UNREACHABLE", { name, reason: (error as Error).message }, error)
      : known;
  } finally {
    clearTimeout(timer);
  }
}

/** No preamble, tag 0: the connection comes from an HTTP upgrade. @param name of the VM, in messages */
export function plainClient(connection: ByteStream, name?: string): AgentClient {
  return new Session(connection, { tag: 0, side: "host", ...(name === undefined ? {} : { name }) }).start();
}
