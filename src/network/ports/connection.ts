/**
 * Joins a connection on the host to one in the guest. Credit is returned when the host's side has taken the data, so at most one window
 * per direction waits here, however slowly either end reads.
 */
import type { ByteStream } from "../../base/bytes.ts";
import type { AgentStream } from "../../wire/agent/types.ts";

/** The agent's stream for `dial` has its data on this channel. */
const channel = 0;

/**
 * Ends what it was given, and resolves then. A half-close is passed on in both directions; whatever else ends one side resets the other, so
 * that its peer does not take a part for the whole.
 * @param dial opens the guest's side; aborted when the host's side ends first
 */
export async function joinConnection(
  client: ByteStream,
  dial: (signal: AbortSignal) => Promise<AgentStream>,
): Promise<void> {
  const gone = new AbortController();
  const closed = Promise.withResolvers<void>();
  let leave: (error?: Error) => Promise<void> = async () => gone.abort();
  client.onClose((error) => void leave(error).then(closed.resolve));
  try {
    const guest = await dial(gone.signal);
    if (gone.signal.aborted) guest.close();
    else leave = join(client, guest);
  } catch {
    reset(client);
  }
  return closed.promise;
}

/** @returns called at the end of both of the client's directions; resolves when the guest has what came before it */
function join(client: ByteStream, guest: AgentStream): (error?: Error) => Promise<void> {
  const ended = { client: false, guest: false };
  /** once the client has ended its side: when all of it is with the guest */
  let finished: Promise<void> | null = null;
  const closeIfBoth = () => ended.client && ended.guest && guest.close();
  let written: Promise<void> = Promise.resolve();
  guest.onData((at, data, whole) => (at === channel ? give(client, data, whole) : undefined));
  guest.onEof((at) => {
    if (at !== channel) return;
    client.end();
    ended.guest = true;
    closeIfBoth();
  });
  client.onData((chunk) => {
    const room = guest.write(channel, chunk);
    if (!room) return;
    client.pause();
    written = room.then(() => client.resume());
  });
  client.onEnd(() => {
    finished = written.then(() => {
      guest.eof(channel);
      ended.client = true;
      closeIfBoth();
    });
  });
  guest.closed.then(
    () => (ended.guest ? client.end() : reset(client)),
    () => reset(client),
  );
  return async (error) => {
    if (error === undefined && finished) await finished;
    guest.close();
  };
}

/** Small data is copied: a view would keep the whole chunk that it came in while the client does not read. */
function give(client: ByteStream, data: Uint8Array, whole: Buffer | undefined): Promise<void> | undefined {
  return client.write(whole ? data : new Uint8Array(data)) ? undefined : client.drained();
}

/** Breaks it off, so that its peer does not take a part for the whole. */
export function reset(client: ByteStream): void {
  if (client.reset) client.reset();
  else client.destroy();
}
