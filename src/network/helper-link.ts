/** The connection to the root helper: opened when it is needed, and again whenever it was lost. */
import type { Logger } from "../host/log.ts";
import type { HelperConnection } from "./helper-client.ts";
import { helperError } from "./helper-error.ts";

export type LinkDeps = {
  /** @throws when nothing listens */
  connect(): Promise<HelperConnection>;
  /** Sends everything that is wanted; the link is open once it resolves. */
  sendAll(helper: HelperConnection): Promise<void>;
  /** Calls `run` once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
  log: Logger;
};

export type HelperLink = {
  /** Open, with everything sent. @throws NETWORK_FAILED */
  get(): Promise<HelperConnection>;
  /** null: not open at this moment */
  current(): HelperConnection | null;
  close(): void;
};

/**
 * From the loss of a connection to the next attempt, in `ms`: doubled each time, up to the second. That a service listens again makes no
 * event that is always there: its folder goes with it.
 */
const [firstPauseMs, longestPauseMs] = [200, 5_000];

/** Connects at once and then whenever the connection was lost, until it is closed. */
export function createHelperLink(deps: LinkDeps): HelperLink {
  return new Link(deps);
}

class Link implements HelperLink {
  readonly #deps: LinkDeps;
  #opening: Promise<HelperConnection> | null = null;
  #open: HelperConnection | null = null;
  #cancelRetry = () => {};
  #pauseMs = firstPauseMs;
  #isClosed = false;
  #lastFailure = "";

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    this.#tryOpen().catch(() => {});
  }

  get(): Promise<HelperConnection> {
    return this.#open ? Promise.resolve(this.#open) : this.#tryOpen();
  }

  current(): HelperConnection | null {
    return this.#open;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#open?.close();
  }

  #tryOpen(): Promise<HelperConnection> {
    this.#cancelRetry();
    this.#opening ??= this.#opened().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #opened(): Promise<HelperConnection> {
    try {
      const helper = await this.#deps.connect();
      await this.#deps.sendAll(helper).catch((error: unknown) => {
        helper.close();
        throw error;
      });
      if (this.#isClosed) helper.close();
      this.#open = helper;
      this.#pauseMs = firstPauseMs;
      this.#note("");
      void helper.closed.then((why) => this.#lost(helper, why));
      return helper;
    } catch (error) {
      const failure = helperError(error);
      this.#note(failure.message);
      this.#retryLater();
      throw failure;
    }
  }

  #lost(helper: HelperConnection, why: string): void {
    if (this.#open !== helper) return;
    this.#open = null;
    if (!this.#isClosed) this.#deps.log.warn("the connection to the root helper is lost", { why });
    this.#retryLater();
  }

  #retryLater(): void {
    this.#cancelRetry();
    if (this.#isClosed) return;
    this.#cancelRetry = this.#deps.after(this.#pauseMs, () => void this.#tryOpen().catch(() => {}));
    this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
  }

  /** Logs what is new. */
  #note(failure: string): void {
    if (failure === this.#lastFailure) return;
    this.#lastFailure = failure;
    if (failure === "") this.#deps.log.info("the root helper has everything that is wanted");
    else this.#deps.log.warn("the root helper can't be used", { why: failure });
  }
}
