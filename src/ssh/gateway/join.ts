/** Joins a channel of an ssh client to a stream of the guest's agent, with back-pressure both ways. */
import type { Readable, Writable } from "node:stream";
import type { ServerChannel } from "ssh2";
import type { AgentStream } from "../../wire/agent/types.ts";

type Input = Pick<AgentStream, "write" | "eof">;

/** A connection: DATA 0 both ways, until both have ended or one breaks off. */
export function joinConnection(channel: ServerChannel, stream: AgentStream): void {
  stream.onData((_, data) => send(channel, data));
  stream.onEof(() => channel.end());
  stream.closed.then(
    () => channel.end(),
    () => channel.destroy(),
  );
  channel.on("error", () => {});
  channel.on("close", () => stream.close());
  sendInput(channel, stream);
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
