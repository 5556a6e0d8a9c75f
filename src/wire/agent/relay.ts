/**
 * Joins a client's line to the one session that the daemon holds with a guest. A stream's credit is given back on one
 * side when the other has taken the data, so at most a credit window waits here for each direction.
 */
import type { ByteStream } from "../../base/bytes.ts";
import { refusalOf } from "./refusal.ts";
import type { ServedStream } from "./served.ts";
import { Session } from "./session.ts";
import type { AgentClient, AgentStream, Json } from "./types.ts";

export type RelayOptions = {
  /** verbs that the client may use */
  allow: readonly string[];
  /** sees, and may change, each request before it goes on */
  onOpen?: (verb: string, request: Json) => Json;
};

/** Runs until either line is over; the client's streams in the guest are closed then. */
export async function relayAgent(client: ByteStream, upstream: AgentClient, options: RelayOptions): Promise<void> {
  const session = new Session(client, { tag: 0, side: "agent", onOpen: (served) => void relayStream(served, session, upstream, options) }).start();
  void upstream.closed.then(() => session.destroy());
  await session.closed;
}

async function relayStream(served: ServedStream, session: Session, upstream: AgentClient, options: RelayOptions): Promise<void> {
  const { verb, ...args } = served.request;
  if (!options.allow.includes(served.verb)) return served.refuse("unsupported", `${served.verb} is not for clients`);
  let above: AgentStream;
  try {
    const request = options.onOpen?.(served.verb, args) ?? args;
    above = await upstream.open(served.verb, request);
  } catch (error) {
    const { code, message } = refusalOf(error);
    return served.refuse(code, message);
  }
  join(served, above);
  void session.closed.then(() => above.close());
}

function join(served: ServedStream, above: AgentStream): void {
  const below = served.accept(above.reply);
  below.closed.catch(() => {});
  below.onClosing(() => above.close());
  below.onData((channel, data) => above.write(channel, data));
  below.onEof((channel) => above.eof(channel));
  below.onEvent((event) => above.event(event));
  above.onData((channel, data) => below.write(channel, data));
  above.onEof((channel) => below.eof(channel));
  above.onEvent((event) => below.event(event));
  above.closed.then(
    () => below.finish(),
    (error: unknown) => below.finish(refusalOf(error)),
  );
}
