/**
 * Plays a VMM like Firecracker: a unix socket at which a client writes `CONNECT PORT\n` and reads `OK NUMBER\n`, to be connected to
 * that port of the guest. It closes a connection without an answer where nobody listens in the guest.
 */
import type { ByteStream } from "../../base/bytes.ts";
import { listenUnix, type UnixListener } from "../../host/net/socket.ts";

/** The guest's end of a connection. */
export type VsockConnection = Pick<ByteStream, "onData" | "onClose" | "write" | "destroy">;

/** What becomes of a connection: `lost` is accepted first, as right after a VM was saved. */
export type Fate = "connected" | "refused" | "lost" | "garbage";

export class HandMadeVsock {
  /** what becomes of the next connections, in turn; all later ones are connected */
  readonly fates: Fate[] = [];
  /** the request of each connection so far */
  readonly requests: string[] = [];
  readonly #there: VsockConnection[] = [];
  readonly #waiting: ((connection: VsockConnection) => void)[] = [];
  readonly #open = new Set<ByteStream>();
  #listener: UnixListener | null = null;

  static async listen(path: string): Promise<HandMadeVsock> {
    const vsock = new HandMadeVsock();
    vsock.#listener = await listenUnix(path, { mode: 0o700 }, (stream) => vsock.#serve(stream));
    return vsock;
  }

  /** The next connection to the guest. */
  next(): Promise<VsockConnection> {
    const there = this.#there.shift();
    return there ? Promise.resolve(there) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Loses every connection, as saving the VM does. */
  reset(): void {
    for (const stream of this.#open) stream.destroy();
  }

  /** Ends the VMM. */
  async end(): Promise<void> {
    await this.#listener?.close();
    this.reset();
  }

  #serve(stream: ByteStream): void {
    let request = "";
    let onData: ((chunk: Uint8Array) => void) | null = null;
    this.#open.add(stream);
    // a VMM has no use for half of a connection
    stream.onEnd(() => stream.destroy());
    stream.onClose(() => this.#open.delete(stream));
    stream.onData((chunk) => {
      if (onData) return onData(chunk);
      request += Buffer.from(chunk).toString("latin1");
      if (!request.endsWith("\n")) return;
      this.requests.push(request);
      this.#answer(this.fates.shift() ?? "connected", stream, (listener) => {
        onData = listener;
      });
    });
  }

  #answer(fate: Fate, stream: ByteStream, onData: ByteStream["onData"]): void {
    if (fate !== "refused") stream.write(Buffer.from(fate === "garbage" ? "HTTP/1.1 200 OK\n" : "OK 1073741824\n"));
    if (fate === "refused" || fate === "lost") return stream.destroy();
    if (fate === "garbage") return;
    const connection: VsockConnection = {
      onData,
      onClose: (listener) => stream.onClose(listener),
      write: (chunk) => stream.write(chunk),
      destroy: () => stream.destroy(),
    };
    const waiting = this.#waiting.shift();
    if (waiting) waiting(connection);
    else this.#there.push(connection);
  }
}
