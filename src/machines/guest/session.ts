/** The one agent session of a running VM: opened when first needed, reopened after the connection was lost. */
import { Deferred } from "../../base/async.ts";
import { fail, toBangerError } from "../../base/errors/error.ts";
import type { RunningVm } from "../../vmm/driver.ts";
import type { AgentClient, Json } from "../../wire/agent/types.ts";
import type { GuestDeps } from "./context.ts";

export type PowerIntent = "poweroff" | "halt" | "reboot";

export class AgentSession {
  readonly #deps: Pick<GuestDeps, "connectAgent">;
  readonly #vm: RunningVm;
  readonly #name: () => string;
  #client: AgentClient | null = null;
  #connecting: Promise<AgentClient> | null = null;
  #listeners = new Set<(notice: Json) => void>();
  #closed = false;
  #held: Deferred<void> | null = null;
  /** what the guest announced that it is about to do */
  intent: PowerIntent | null = null;

  /** @param name the VM's name at the time it is asked, for messages */
  constructor(deps: Pick<GuestDeps, "connectAgent">, vm: RunningVm, name: () => string) {
    this.#deps = deps;
    this.#vm = vm;
    this.#name = name;
  }

  /** The session, connected if it isn't. @throws AGENT_UNREACHABLE */
  client(timeoutMs: number): Promise<AgentClient> {
    if (this.#client) return Promise.resolve(this.#client);
    this.#connecting ??= this.#connect(timeoutMs).finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /** Calls `listener` with each notice. @returns stops listening */
  onNotice(listener: (notice: Json) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Until the result is disposed of no connection is opened: the guest is stopped, and could not answer.
   * @param drops close the one that is open, too
   */
  hold({ drops }: { drops: boolean }): Disposable {
    const held = new Deferred<void>();
    this.#held = held;
    if (drops) this.#drop();
    return {
      [Symbol.dispose]: () => {
        if (this.#held === held) this.#held = null;
        held.resolve();
      },
    };
  }

  /** Closes the connection; the agent waits for the next one. */
  close(): void {
    this.#closed = true;
    this.#drop();
    this.#held?.resolve();
  }

  #drop(): void {
    this.#client?.destroy();
    this.#client = null;
  }

  async #connect(timeoutMs: number): Promise<AgentClient> {
    try {
      while (this.#held && !this.#closed) await this.#held.promise;
      if (this.#closed) throw new Error("the VM is going");
      const { stream, resync } = await this.#vm.agent();
      const client = await this.#deps.connectAgent(stream, { resync, timeoutMs, name: this.#name() });
      if (this.#closed) {
        client.destroy();
        throw new Error("the VM is going");
      }
      client.onNotice((notice) => this.#take(notice));
      void client.closed.then(() => {
        if (this.#client === client) this.#client = null;
      });
      this.#client = client;
      return client;
    } catch (error) {
      throw fail("AGENT_UNREACHABLE", { name: this.#name(), reason: toBangerError(error).message }, error);
    }
  }

  #take(notice: Json): void {
    if (notice["notice"] === "power") this.intent = powerIntent(notice["intent"]) ?? this.intent;
    for (const listener of [...this.#listeners]) listener(notice);
  }
}

function powerIntent(value: unknown): PowerIntent | null {
  return value === "poweroff" || value === "halt" || value === "reboot" ? value : null;
}
