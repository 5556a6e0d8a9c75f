/** Joins a channel of an ssh client to a stream of the guest's agent, with back-pressure both ways. */
import type { Readable, Writable } from "node:stream";
import type { ServerChannel } from "ssh2";
import type { AgentStream } from "../../wire/agent/types.ts";

type Input = Pick<AgentStream, "write" | "eof">;

/** `ms` in which a guest has to take what a client sent last, when both have ended */
const lingerMs = 30_000;

/**
 * A connection: DATA 0 both ways.
 * @param onRest called when the channel has ended both ways, with a promise that resolves when the guest has got all of it
 */
export function joinConnection(
  channel: ServerChannel,
  stream: AgentStream,
  onRest: (rest: Promise<void>) => void,
): void {
  let [hasSentEnd, hasGotEnd] = [false, false];
  stream.onData((_, data) => send(channel, data));
  stream.onEof(() => {
    hasGotEnd = true;
    // `end` would close the channel, and what the client still sends would be lost
    if (hasSentEnd) channel.end();
    else channel.eof();
  });
  channel.on("error", () => {});
  channel.on("end", () => {
    hasSentEnd = true;
    if (hasGotEnd) channel.end();
  });
  channel.on("close", () => {
    if (hasSentEnd && hasGotEnd) onRest(untilWritten(stream));
    else stream.close();
  });
  stream.closed.then(
    () => channel.end(),
    () => channel.destroy(),
  );
  sendInput(channel, stream);
}

/** A CLOSE of ours would overtake the last data: the agent ends the stream when it has written it. */
async function untilWritten(stream: AgentStream): Promise<void> {
  const timer = setTimeout(() => stream.close(), lingerMs);
  await stream.closed.catch(() => {});
  clearTimeout(timer);
}

/** Sends what the client sends, and its end. */
export function sendInput(from: Readable, to: Input): void {
  from.on("data", (chunk: Uint8Array) => {
    const sent = to.write(0, chunk);
    if (sent === undefined) return;
    from.pause();
    sent.then(
      () => void from.resume(),
      () => {},
    );
  });
  from.on("end", () => to.eof(0));
}

/** Resolves when the data was sent, or can't be any more; it is a copy, because a closed window keeps it. */
export function send(to: Writable, data: Uint8Array): Promise<void> {
  if (to.destroyed || to.writableEnded) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  to.once("close", resolve);
  to.write(Buffer.from(data), () => {
    to.off("close", resolve);
    resolve();
  });
  return promise;
}
