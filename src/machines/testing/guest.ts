/** A guest of the test world: its agent, as far as lifecycle code talks to it. */
import { Deferred } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import type { VmExit } from "../../vmm/driver.ts";
import type { AgentClient, AgentStream, Hello, Json } from "../../wire/agent/types.ts";

/** What the guests of a world do; tests change it before or while a VM runs. */
export type GuestBehaviour = {
  /** its agent answers */
  answers: boolean;
  /** it ends this way as soon as it boots */
  diesEarly: VmExit | null;
  /** it powers off when asked by its agent */
  obeys: boolean;
  /** how it ends when it powers off; null: as it should */
  endsAs: VmExit | null;
  /** it powers off when the power button is pressed */
  hasButton: boolean;
  /** it writes to its disk as soon as it runs after a restore */
  writesWhenWoken?: boolean;
  init: "systemd" | "none";
  /** answer of `services`; null: never answered */
  services: Json | null;
  /** what it is asked to read has an end */
  reads: boolean;
  /** answer of `stats` */
  stats: Json;
  /** its agent can't listen: a program of its own has the port */
  cannotListen?: boolean;
  /** verbs that it accepts and never answers */
  silentIn?: readonly string[];
  /** the verbs of that kind it was asked for */
  onStats?: () => void;
  /** Called with each command that it is asked to run; false: the command never ends; a number: its exit status. */
  onExec?: (argv: unknown) => boolean | number;
};

export const goodGuest: GuestBehaviour = {
  answers: true,
  diesEarly: null,
  obeys: true,
  endsAs: null,
  hasButton: true,
  init: "systemd",
  services: { ok: true, state: "running", failed: [] },
  reads: true,
  stats: { ok: true, load1: 0, connections: 0 },
};

export class Guest {
  readonly behaviour: GuestBehaviour;
  readonly exited = new Deferred<VmExit>();
  exit: VmExit | null = null;
  phase: "boot" | "up" = "boot";
  /** the generation of its identity */
  generation = 0;
  /** every identity that it was given, oldest first */
  readonly identities: Json[] = [];
  /** every `get` that it was asked for */
  readonly gets: Json[] = [];
  /** what its agent listens on for the host, each with what announces a connection */
  readonly agentListeners = new Map<string, (event: Json) => void>();
  /** ids of connections that the host has taken, and has refused */
  readonly accepted: number[] = [];
  readonly refused: number[] = [];
  /** ports that it listens on, on its loopback */
  listening: readonly number[] = [];
  readonly #followers = new Set<() => void>();
  #clients = new Set<FakeClient>();

  /** @param saved what it was when it was saved; null: it boots */
  constructor(behaviour: GuestBehaviour, saved: { generation: number } | null = null) {
    this.behaviour = behaviour;
    if (saved) {
      this.phase = "up";
      this.generation = saved.generation;
    }
    if (behaviour.diesEarly) queueMicrotask(() => this.end(behaviour.diesEarly as VmExit));
  }

  end(exit: VmExit): void {
    if (this.exit) return;
    this.exit = exit;
    for (const client of this.#clients) client.destroy();
    this.exited.resolve(exit);
  }

  /** A new session replaces the previous one. */
  connect(): AgentClient {
    for (const client of this.#clients) client.destroy();
    const client = new FakeClient(this);
    this.#clients = new Set([client]);
    return client;
  }

  /** As a VMM does whose connections end with a save. */
  dropSessions(): void {
    for (const client of this.#clients) client.destroy();
    this.#clients.clear();
  }

  notice(notice: Json): void {
    for (const client of this.#clients) client.notify(notice);
  }

  /** Tells who follows its listeners. */
  listen(...listening: number[]): void {
    this.listening = listening;
    for (const tell of this.#followers) tell();
  }

  /** Calls `tell` at each change. @returns ends it */
  follow(tell: () => void): () => void {
    this.#followers.add(tell);
    return () => void this.#followers.delete(tell);
  }
}

class FakeClient implements AgentClient {
  readonly hello: Hello;
  readonly #guest: Guest;
  readonly #closed = new Deferred<Error | undefined>();
  readonly #listeners: ((notice: Json) => void)[] = [];
  readonly closed = this.#closed.promise;

  constructor(guest: Guest) {
    this.#guest = guest;
    const { init } = guest.behaviour;
    this.hello = {
      protocol: 1,
      agent: "0",
      phase: guest.phase,
      generation: guest.generation,
      init,
      bootId: "b",
      features: [],
    };
  }

  async open(verb: string, args: Json): Promise<AgentStream> {
    const guest = this.#guest;
    if (guest.behaviour.silentIn?.includes(verb)) await new Deferred<void>().promise;
    if (guest.exit) throw fail("AGENT_REFUSED", { verb, reason: "it is gone", code: "io" });
    if (verb === "identity") {
      guest.identities.push(args);
      guest.phase = "up";
      guest.generation = Number(args["generation"]);
      queueMicrotask(() => guest.notice({ notice: "up" }));
    }
    if (verb === "get") {
      guest.gets.push(args);
      const closed = guest.behaviour.reads ? Promise.resolve() : this.closed.then(() => {});
      return { ...streamWith({ ok: true }), closed };
    }
    if (verb === "poweroff" && guest.behaviour.obeys) {
      const asked: VmExit = { kind: args["mode"] === "reboot" ? "reboot" : "poweroff" };
      queueMicrotask(() => guest.end(guest.behaviour.endsAs ?? asked));
    }
    if (verb === "services" && guest.behaviour.services === null) await new Deferred<void>().promise;
    if (verb === "stats") {
      guest.behaviour.onStats?.();
      return streamWith(guest.behaviour.stats);
    }
    if (verb === "listen") return listenStream(guest, args, this.closed);
    if (verb === "accept") {
      guest.accepted.push(Number(args["id"]));
      return streamWith({ ok: true });
    }
    if (verb === "ports") return portsStream(guest, this.closed);
    if (verb === "exec") return execStream(guest.behaviour.onExec?.(args["argv"]) ?? true);
    return streamWith(verb === "services" ? (guest.behaviour.services ?? {}) : { ok: true });
  }

  async ping(): Promise<void> {}

  onNotice(listener: (notice: Json) => void): void {
    this.#listeners.push(listener);
  }

  notify(notice: Json): void {
    for (const listener of this.#listeners) listener(notice);
  }

  destroy(): void {
    this.#closed.resolve(undefined);
  }
}

function portsStream(guest: Guest, closed: Promise<unknown>): AgentStream {
  const over = new Deferred<void>();
  const tellIt = (tell: (event: Json) => void) => () =>
    tell({ event: "ports", listen: guest.listening.map((port) => ({ address: "127.0.0.1", port, family: 4 })) });
  void closed.then(() => over.resolve());
  return {
    ...streamWith({ ok: true }),
    onEvent: (tell) => {
      const follower = tellIt(tell);
      void over.promise.then(guest.follow(follower));
      follower();
    },
    closed: over.promise,
    close: () => over.resolve(),
  };
}

function listenStream(guest: Guest, { host, port }: Json, closed: Promise<unknown>): AgentStream {
  const name = `${host}:${port}`;
  if (guest.behaviour.cannotListen) throw fail("AGENT_REFUSED", { verb: "listen", reason: name, code: "busy" });
  const over = new Deferred<void>();
  over.promise.catch(() => {});
  const forget = () => void guest.agentListeners.delete(name);
  over.promise.then(forget, forget);
  void closed.then(() => over.reject(fail("SESSION_LOST", { name: "one", reason: "a test" })));
  return {
    ...streamWith({ ok: true, port }),
    onEvent: (tell) => void guest.agentListeners.set(name, tell),
    event: ({ id }) => void guest.refused.push(Number(id)),
    closed: over.promise,
    close: () => over.resolve(),
  };
}

function execStream(how: boolean | number): AgentStream {
  if (how === false) return { ...streamWith({ ok: true }), closed: new Deferred<void>().promise };
  const code = how === true ? 0 : how;
  return { ...streamWith({ ok: true }), onEvent: (tell) => tell({ event: "exit", code }) };
}

function streamWith(reply: Json): AgentStream {
  return {
    reply,
    write: async () => {},
    eof: () => {},
    event: () => {},
    onData: () => {},
    onEof: () => {},
    onEvent: () => {},
    closed: Promise.resolve(),
    close: () => {},
  };
}
