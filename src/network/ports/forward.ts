/** One port of a guest on the host: a listener, and why there is none. */
import type { ByteStream } from "../../base/bytes.ts";
import { errnoOf } from "../../host/errno.ts";
import { type PortKind, type PortState, privilegedShift } from "../../model/ports.ts";

/**
 * Listens on TCP until it is closed; connections stay.
 * @throws the system's error: EADDRINUSE, EACCES, EADDRNOTAVAIL
 */
export type Listen = (
  address: string,
  port: number,
  onConnection: (client: ByteStream) => void,
) => Promise<{ close(): void }>;

export type ForwardSpec = { kind: PortKind; guestPort: number; address: string; hostPort: number };

export class Forward {
  readonly kind: PortKind;
  readonly guestPort: number;
  readonly address: string;
  hostPort: number;
  state: PortState = "closed";
  /** the system's name of the error that keeps it from being open */
  errno: string | null = null;
  readonly #listen: Listen;
  readonly #onConnection: (client: ByteStream) => void;
  #listener: { close(): void } | null = null;
  #opening: Promise<void> | null = null;
  #isOver = false;

  constructor(spec: ForwardSpec, listen: Listen, onConnection: (client: ByteStream) => void) {
    this.kind = spec.kind;
    this.guestPort = spec.guestPort;
    this.address = spec.address;
    this.hostPort = spec.hostPort;
    this.#listen = listen;
    this.#onConnection = onConnection;
  }

  /** Never rejects: what became of it is in `state`. Does nothing while it is open. */
  open(): Promise<void> {
    if (this.state === "open" || this.#isOver) return Promise.resolve();
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** For good. */
  close(): void {
    this.#isOver = true;
    this.#listener?.close();
    this.#listener = null;
    this.state = "closed";
    this.errno = null;
  }

  async #open(): Promise<void> {
    try {
      const { listener, hostPort } = await this.#bind();
      if (this.#isOver) return listener.close();
      this.#listener = listener;
      this.hostPort = hostPort;
      this.state = "open";
      this.errno = null;
    } catch (error) {
      if (this.#isOver) return;
      this.errno = errnoOf(error) ?? "unknown error";
      this.state = this.errno === "EADDRINUSE" ? "taken" : "failed";
    }
  }

  /** Below 1024 (ip-sysctl, `ip_unprivileged_port_start`) the daemon may not be allowed to; a published port stays what it was asked for. */
  async #bind(): Promise<{ listener: { close(): void }; hostPort: number }> {
    const { address, guestPort } = this;
    const asked = this.kind === "published" ? this.hostPort : guestPort;
    const bind = async (port: number) => ({
      listener: await this.#listen(address, port, this.#onConnection),
      hostPort: port,
    });
    try {
      return await bind(asked);
    } catch (error) {
      if (this.kind === "published" || errnoOf(error) !== "EACCES" || asked >= 1024) throw error;
      this.hostPort = asked + privilegedShift;
      return bind(this.hostPort);
    }
  }
}
