/** Keeps the DNS server running while there is a bridge. */
import { toBangerError } from "../../base/errors/error.ts";
import type { Logger } from "../../host/log.ts";
import type { BridgeSpec } from "../../model/bridge.ts";
import type { DnsOptions, DnsServer } from "./server.ts";
import type { VmNames } from "./zones.ts";

export type BridgeDnsDeps = {
  /** `startDns` */
  start(options: DnsOptions): Promise<DnsServer>;
  names: VmNames;
  /** Calls `run` once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
  log: Logger;
};

export type BridgeDns = {
  /** The bridge is there: a server that does not run yet is started. A failure is logged, and tried again; it never rejects. */
  ensure(bridge: BridgeSpec): Promise<void>;
  close(): void;
};

/**
 * From a failure to the next attempt, in `ms`: doubled each time, up to the second. That another program gives up a port makes no event.
 */
const [firstPauseMs, longestPauseMs] = [1000, 60_000];

export function createBridgeDns(deps: BridgeDnsDeps): BridgeDns {
  return new Keeper(deps);
}

class Keeper implements BridgeDns {
  readonly #deps: BridgeDnsDeps;
  #server: DnsServer | null = null;
  #isStarting = false;
  #isClosed = false;
  #cancelRetry = () => {};
  #pauseMs = firstPauseMs;
  #lastFailure = "";

  constructor(deps: BridgeDnsDeps) {
    this.#deps = deps;
  }

  async ensure(bridge: BridgeSpec): Promise<void> {
    if (this.#server === null && !this.#isStarting && !this.#isClosed) await this.#start(bridge);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#server?.close();
  }

  async #start(bridge: BridgeSpec): Promise<void> {
    const { start, names, log } = this.#deps;
    this.#cancelRetry();
    this.#isStarting = true;
    try {
      this.#server = await start({ network: bridge, names, log });
      if (this.#isClosed) this.#server.close();
      else log.info("names of VMs are answered", { address: bridge.address });
    } catch (error) {
      this.#failed(error, bridge);
    } finally {
      this.#isStarting = false;
    }
  }

  /** Logs what is new. */
  #failed(error: unknown, bridge: BridgeSpec): void {
    const { message, hint } = toBangerError(error);
    if (message !== this.#lastFailure) this.#deps.log.warn(message, { hint });
    this.#lastFailure = message;
    if (this.#isClosed) return;
    this.#cancelRetry = this.#deps.after(this.#pauseMs, () => void this.ensure(bridge));
    this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
  }
}
