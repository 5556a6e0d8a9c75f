/** The one agent session of a running VM: opened when first needed, reopened after the connection was lost. */
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

  /** Closes the connection; the agent waits for the next one. */
  close(): void {
    this.#closed = true;
    this.#client?.destroy();
    this.#client = null;
  }

  async #connect(timeoutMs: number): Promise<AgentClient> {
    try {
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
