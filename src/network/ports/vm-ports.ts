/**
 * The ports of one VM on the host: published ones for as long as it runs, and one for each port that its guest listens on. Everything
 * outside is handed in.
 */
import type { ByteStream } from "../../base/bytes.ts";
import type { PortView, PublishedPort } from "../../model/ports.ts";
import type { AgentStream } from "../../wire/agent/types.ts";
import { Announcements } from "./announcements.ts";
import { joinConnection, reset } from "./connection.ts";
import { Forward, type ForwardSpec, type Listen } from "./forward.ts";
import type { Listening } from "./listeners.ts";
import { planForwards } from "./plan.ts";
import { portProblem } from "./problem.ts";

/** Open connections of one VM over its ports: half of the streams of its agent's session, so that commands have the others. */
export const maxConnections = 128;
/** Between two plans, in `ms`, whatever the guest reports. */
export const settleMs = 200;
/** Until a port that is taken is tried again, in `ms`: nothing tells when it is free. */
export const retryMs = 10_000;

export type PortsOf = {
  /** the VM's own loopback address */
  address: string;
  published: readonly PublishedPort[];
};

export type PortEffects = {
  listen: Listen;
  /** Opens a connection in the guest. @param target an address in the guest */
  dial(target: string, port: number, signal: AbortSignal): Promise<AgentStream>;
  /** A connection uses the VM until `end`. */
  use(): { end(): void };
  /** Calls `run` once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
  /** monotonic time in `ms` */
  now(): number;
  /** A port has become open, taken or closed, or failed. */
  changed(port: PortView, isAnnounced: boolean): void;
};

type Automatic = { forward: Forward; seenAt: number };

export class VmPorts {
  readonly #of: PortsOf;
  readonly #effects: PortEffects;
  readonly #published: Forward[];
  readonly #automatic = new Map<number, Automatic>();
  readonly #connections = new Set<ByteStream>();
  readonly #announcements = new Announcements();
  #listening: Listening = new Map();
  #isSettling = false;
  #isPlanWanted = false;
  #left = 0;
  #cancels = new Map<string, () => void>();
  #isOver = false;

  constructor(of: PortsOf, effects: PortEffects) {
    this.#of = of;
    this.#effects = effects;
    this.#published = of.published.map((port) => this.#forward({ kind: "published", ...port }));
  }

  /** Resolves when each published port is open or is not; those are tried again. */
  async publish(): Promise<PortView[]> {
    await Promise.all(this.#published.map((forward) => this.#open(forward)));
    return this.#published.map((forward) => this.#view(forward));
  }

  /** What the guest listens on now. */
  update(listening: Listening): void {
    this.#see();
    this.#listening = listening;
    this.#isPlanWanted = true;
    if (!this.#isSettling) this.#plan();
  }

  /** As `update`, when the VM's first session begins: what listens already is not announced. */
  begin(listening: Listening): void {
    this.#announcements.begin(listening.keys());
    this.update(listening);
  }

  /** Published ports first, then by number. */
  views(): PortView[] {
    const automatic = [...this.#automatic.values()].map(({ forward }) => this.#view(forward));
    return [
      ...this.#published.map((forward) => this.#view(forward)),
      ...automatic.sort((one, other) => one.guestPort - other.guestPort),
    ];
  }

  /** listening ports that are not forwarded because there are too many */
  get left(): number {
    return this.#left;
  }

  /** Closes all ports and resets all connections. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const cancel of this.#cancels.values()) cancel();
    const all = [...this.#published, ...[...this.#automatic.values()].map(({ forward }) => forward)];
    for (const forward of all) this.#close(forward);
    this.#automatic.clear();
    for (const client of this.#connections) reset(client);
  }

  #forward(spec: ForwardSpec): Forward {
    return new Forward(spec, this.#effects.listen, (client) => this.#take(client, spec.guestPort));
  }

  #plan(): void {
    if (this.#isOver) return;
    this.#isPlanWanted = false;
    const now = this.#effects.now();
    const held = [...this.#automatic].map(([port, { seenAt }]) => ({ port, seenAt }));
    const plan = planForwards(
      held,
      [...this.#listening.keys()].filter((port) => !this.#isOwn(port)),
      now,
    );
    this.#left = plan.left;
    for (const port of plan.close) this.#drop(port);
    for (const port of plan.open) {
      const forward = this.#forward({ kind: "automatic", guestPort: port, hostPort: port, address: this.#of.address });
      this.#automatic.set(port, { forward, seenAt: now });
      void this.#open(forward);
    }
    if (plan.againMs !== null) this.#later("close", plan.againMs, () => this.#plan());
    this.#isSettling = true;
    this.#later("settle", settleMs, () => {
      this.#isSettling = false;
      if (this.#isPlanWanted) this.#plan();
    });
  }

  /** What was reported last has listened until now: the guest reports changes alone. */
  #see(): void {
    const now = this.#effects.now();
    for (const [port, one] of this.#automatic) if (this.#listening.has(port)) one.seenAt = now;
  }

  /** Published at the very address and port that its own forward would have. */
  #isOwn(port: number): boolean {
    return this.#of.published.some(({ address, hostPort }) => hostPort === port && address === this.#of.address);
  }

  #drop(port: number): void {
    const one = this.#automatic.get(port);
    this.#automatic.delete(port);
    if (one) this.#close(one.forward);
  }

  #close(forward: Forward): void {
    const was = forward.state;
    forward.close();
    if (was !== "closed") this.#effects.changed(this.#view(forward), false);
  }

  async #open(forward: Forward): Promise<void> {
    const was = forward.state;
    await forward.open();
    if (this.#isOver || forward.state === "closed") return;
    if (forward.state !== "open") this.#later("retry", retryMs, () => this.#retry());
    if (forward.state !== was) this.#tell(forward);
  }

  #retry(): void {
    const all = [...this.#published, ...[...this.#automatic.values()].map(({ forward }) => forward)];
    for (const forward of all) if (forward.state !== "open") void this.#open(forward);
  }

  /** What is published is announced at the port that was asked for. */
  #tell(forward: Forward): void {
    const { kind, guestPort } = forward;
    const isNews = kind === "automatic" && this.#announcements.announce(guestPort, this.#effects.now());
    const published = this.#published.find((one) => one.guestPort === guestPort && one.state === "open");
    this.#effects.changed(this.#view(forward), isNews && !published);
    if (isNews && published) this.#effects.changed(this.#view(published), true);
  }

  #view({ guestPort, address, hostPort, kind, state, errno }: Forward): PortView {
    const isService = kind === "automatic" && this.#announcements.isService(guestPort);
    const problem = errno === null ? null : portProblem({ address, port: hostPort, errno });
    return { guestPort, address, hostPort, kind, state, isService, problem };
  }

  #take(client: ByteStream, port: number): void {
    if (this.#isOver || this.#connections.size >= maxConnections) return reset(client);
    this.#connections.add(client);
    const use = this.#effects.use();
    void joinConnection(client, (signal) => this.#dial(port, signal)).finally(() => {
      this.#connections.delete(client);
      use.end();
    });
  }

  /** At the first of the port's addresses that accepts. */
  async #dial(port: number, signal: AbortSignal): Promise<AgentStream> {
    const targets = this.#listening.get(port) ?? ["127.0.0.1", "::1"];
    let failure: unknown;
    for (const target of targets) {
      try {
        return await this.#effects.dial(target, port, signal);
      } catch (error) {
        failure = error;
        if (signal.aborted) break;
      }
    }
    throw failure;
  }

  /** One timer of each name at a time; the earlier one of two stays. */
  #later(name: string, ms: number, run: () => void): void {
    if (this.#cancels.has(name)) return;
    const cancel = this.#effects.after(ms, () => {
      this.#cancels.delete(name);
      run();
    });
    this.#cancels.set(name, cancel);
  }
}
