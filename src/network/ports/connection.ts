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
  let guest: AgentStream | null = null;
  client.onClose(() => {
    gone.abort();
    guest?.close();
    closed.resolve();
  });
  try {
    guest = await dial(gone.signal);
  } catch {
    reset(client);
    return closed.promise;
  }
  if (gone.signal.aborted) guest.close();
  else join(client, guest);
  return closed.promise;
}

function join(client: ByteStream, guest: AgentStream): void {
  const ended = { client: false, guest: false };
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
    void written.then(() => {
      guest.eof(channel);
      ended.client = true;
      closeIfBoth();
    });
  });
  guest.closed.then(
    () => (ended.guest ? client.end() : reset(client)),
    () => reset(client),
  );
}

/** Small data is copied: a view would keep the whole chunk that it came in while the client does not read. */
function give(client: ByteStream, data: Uint8Array, whole: Buffer | undefined): Promise<void> | undefined {
  return client.write(whole ? data : new Uint8Array(data)) ? undefined : client.drained();
}

function reset(client: ByteStream): void {
  if (client.reset) client.reset();
  else client.destroy();
}
