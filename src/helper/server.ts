/** Accepts connections to the helper's socket: few at a time, each from a process that is admitted before a byte of it is read. */
import type { ByteStream } from "../base/bytes.ts";
import { RateLimit } from "../base/rate-limit.ts";
import type { Logger } from "../host/log.ts";
import type { HelperRequest } from "../wire/helper/verbs.ts";
import type { Caller } from "./admission.ts";
import { Session } from "./session.ts";

export type ServerDeps = {
  /** why a process is refused; null: it is admitted */
  refusal(caller: Caller): Promise<string | null>;
  /** what is known of a process, for the log */
  nameOf(pid: number): Promise<string>;
  /** @throws HelperError */
  handle(request: HelperRequest): Promise<Record<string, unknown>>;
  log: Logger;
  stallMs: number;
};

/** The daemon has one connection; one more is its successor's after a restart, and the rest is room. */
export const maxConnections = 8;

/** refusals that are logged in each second */
const loggedPerSecond = 5;

export class Server {
  readonly #deps: ServerDeps;
  readonly #open = new Set<ByteStream>();
  readonly #logged = new RateLimit(loggedPerSecond);
  #unlogged = 0;

  constructor(deps: ServerDeps) {
    this.#deps = deps;
  }

  /** Never rejects. The stream is not read before its process is admitted. */
  async accept(stream: ByteStream, caller: Caller): Promise<void> {
    if (this.#open.size >= maxConnections) {
      stream.destroy();
      return this.#logRefusal(caller, "there are too many connections");
    }
    this.#open.add(stream);
    const line: { session: Session | null; isClosed: boolean } = { session: null, isClosed: false };
    stream.onClose(() => {
      line.isClosed = true;
      line.session?.close();
      this.#open.delete(stream);
    });
    const why = await this.#deps.refusal(caller).catch((error: unknown) => `it can't be checked: ${String(error)}`);
    if (why !== null) {
      // while it is connected, what is logged of it is its own
      await this.#logRefusal(caller, why);
      return void stream.destroy();
    }
    const { handle, log, stallMs } = this.#deps;
    const who = await this.#who(caller);
    if (line.isClosed) return;
    log.info("admitted", who);
    line.session = new Session(stream, { handle, log, who, stallMs });
  }

  /** Ends every connection. */
  close(): void {
    for (const stream of this.#open) stream.destroy();
  }

  async #logRefusal(caller: Caller, why: string): Promise<void> {
    if (!this.#logged.take()) {
      this.#unlogged += 1;
      return;
    }
    const before = this.#unlogged > 0 ? { notLogged: this.#unlogged } : {};
    this.#unlogged = 0;
    this.#deps.log.warn("refused a connection", { ...(await this.#who(caller)), why, ...before });
  }

  async #who({ pid, uid }: Caller): Promise<Record<string, unknown>> {
    return { pid, uid, program: await this.#deps.nameOf(pid).catch(() => "unknown") };
  }
}
