/**
 * Keeps the host's network as it was asked for: carries out the verbs, and makes again what something else took away. One thing at a time: what
 * is done together would see the other's half of it.
 */
import { Semaphore } from "../base/semaphore.ts";
import type { Logger } from "../host/log.ts";
import type { Exec } from "../host/process/exec.ts";
import {
  type BridgeRequest,
  type FirewallStatus,
  type HelperRequest,
  type HelperStatus,
  maxFirewalls,
  maxStatusText,
  maxTaps,
} from "../wire/helper/verbs.ts";
import { clashOf, freeBridge, listRoutes, readRoutes } from "./clash.ts";
import { legacyStatus } from "./firewalls.ts";
import { findFirewalls, passFirewalls } from "./foreign.ts";
import { HelperError } from "./helper-error.ts";
import { ensureLinks, ensureTap, listLinks, removeTap } from "./interfaces.ts";
import { bridgeOf, bridgeSpecOf, type Link, tapsOf } from "./links.ts";
import { recover } from "./recover.ts";
import { isResolverRouted, notRouted, type Routing, routeResolver, unrouteResolver } from "./resolved.ts";
import { areComplete, findTables, loadTables } from "./tables.ts";
import { run } from "./tools.ts";
import { addressProblem, nothingWanted, type Wanted, type WantedTap, withoutTap, withTap } from "./wanted.ts";

export type KeeperDeps = {
  exec: Exec;
  log: Logger;
  /** uid that may open the TAP interfaces */
  owner: number;
  version: string;
  pid: number;
  forwards(): Promise<boolean>;
  forward(): Promise<void>;
  /** tables of iptables-legacy */
  legacyTables(): Promise<string[]>;
};

type Result = Record<string, unknown>;

export class Keeper {
  readonly #deps: KeeperDeps;
  readonly #turns = new Semaphore(1);
  readonly #never = new AbortController().signal;
  #wanted: Wanted = nothingWanted;
  #wantsResolver = false;
  #routing: Routing = notRouted;
  /** whether the tables are this helper's; an earlier version's can have other rules of the same shape */
  #hasLoaded = false;
  #firewalls: FirewallStatus[] = [];
  /** whether firewalld may have forgotten the bridge; asking it takes a third of a second */
  #asksFirewalld = true;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  /** Takes over what an earlier helper kept. */
  recover(): Promise<void> {
    return this.#inTurn(async () => {
      const { exec, log } = this.#deps;
      const [links, tables] = await Promise.all([listLinks(exec), findTables(exec)]);
      this.#wanted = recover(links, tables);
      if (this.#wanted.bridge) log.info("took over the network", { taps: this.#wanted.taps.map(({ vm }) => vm) });
    });
  }

  /** @throws HelperError */
  handle(request: HelperRequest): Promise<Result> {
    return this.#inTurn(() => this.#perform(request));
  }

  /** Something changed in the host's firewalls that names `firewalld`. */
  noteFirewalld(): void {
    this.#asksFirewalld = true;
  }

  /** Makes again what is missing. @returns whether something was. @throws HelperError */
  check(): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#wanted.bridge) return false;
      const made = [
        ...((await ensureLinks(this.#deps.exec, this.#wanted, this.#deps.owner)) ? ["interfaces"] : []),
        ...((await this.#ensureTables()) ? ["tables"] : []),
        ...((await this.#ensurePassage()) ? ["passage"] : []),
        ...((await this.#ensureRouting()) ? ["resolver"] : []),
      ];
      if (made.length > 0) this.#deps.log.warn("made again what was missing", { made });
      return made.length > 0;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run(this.#never, work);
  }

  async #perform(request: HelperRequest): Promise<Result> {
    switch (request.verb) {
      case "bridge.ensure":
        return this.#ensureBridge(request);
      case "nat.ensure":
        return this.#ensureNat();
      case "tap.create":
        return this.#createTap(request);
      case "tap.delete":
        return this.#deleteTap(request.vm);
      case "resolver.route":
        return this.#routeResolver();
      case "resolver.unroute":
        this.#wantsResolver = false;
        this.#routing = notRouted;
        await unrouteResolver(this.#deps.exec);
        return {};
      case "status":
        return this.#status();
    }
  }

  async #ensureBridge({ address, prefix }: BridgeRequest): Promise<Result> {
    const bridge = { address, prefix };
    const changed = { ...this.#wanted, bridge };
    // of another network: such a VM has no network until it is started again
    const [kept, lost] = partition(changed.taps, (tap) => addressProblem(changed, tap) === null);
    const wanted = { ...changed, taps: kept };
    await this.#refuseClash(bridge);
    if (lost.length > 0) this.#deps.log.warn("the bridge's network changes", { without: lost.map(({ vm }) => vm) });
    return this.#change(wanted, async () => {
      await ensureLinks(this.#deps.exec, wanted, this.#deps.owner);
      await this.#ensurePassage();
      await this.#ensureRouting();
    });
  }

  /** The daemon asks after each `bridge.ensure`, which has loaded the tables: with NAT already, where a daemon connects again. */
  async #ensureNat(): Promise<Result> {
    const wanted = { ...this.#requireBridge(), nat: true };
    if (!this.#wanted.nat || !this.#hasLoaded)
      return this.#change(wanted, async () => void (await this.#ensurePassage()));
    await this.#ensureTables();
    await this.#ensurePassage();
    return {};
  }

  /** A network that the bridge has already is not looked at again: a VPN that came later must not take running VMs' network away. */
  async #refuseClash(bridge: { address: string; prefix: number }): Promise<void> {
    const { exec } = this.#deps;
    const text = `${bridge.address}/${bridge.prefix}`;
    if (bridgeOf(await listLinks(exec))?.addresses.includes(text)) return;
    const routes = readRoutes(await run(exec, listRoutes));
    const clash = clashOf(bridge, routes);
    if (!clash) return;
    const way = clash.device === "" ? "" : ` by ${clash.device}`;
    throw new HelperError(
      "clash",
      `${text} is in use: the host reaches ${clash.text}${way}`,
      freeBridge(bridge.prefix, routes),
    );
  }

  async #createTap({ vm, address, isolated, deny }: WantedTap): Promise<Result> {
    const tap: WantedTap = { vm, address, isolated, deny };
    const problem = addressProblem(this.#wanted, tap);
    if (problem !== null) throw new HelperError("refused", problem);
    const { exec, owner } = this.#deps;
    const isNew = this.#wanted.taps.every((one) => one.vm !== vm);
    try {
      const wanted = withTap(this.#wanted, tap);
      return await this.#changeTap(wanted, (links) => ensureTap(exec, links, tap, owner), isNew ? [address] : []);
    } catch (error) {
      // a bridge has room for 1023 ports; an interface that gets none would stay, and so would the next one
      if (isNew) await this.#removeTap(vm).catch(() => {});
      throw error;
    }
  }

  #deleteTap(vm: WantedTap["vm"]): Promise<Result> {
    return this.#changeTap(withoutTap(this.#wanted, vm), (links) => removeTap(this.#deps.exec, links, vm));
  }

  async #removeTap(vm: WantedTap["vm"]): Promise<void> {
    await removeTap(this.#deps.exec, await listLinks(this.#deps.exec), vm);
  }

  /** The tables first: an interface never carries a packet that they do not know, and one that they do not name carries none. */
  #changeTap(wanted: Wanted, rest: (links: Link[]) => Promise<void>, unused: string[] = []): Promise<Result> {
    // each program takes some milliseconds, for which a VM waits: this one looks while the tables are loaded
    const links = listLinks(this.#deps.exec);
    links.catch(() => {});
    return this.#change(wanted, async () => rest(await links), unused);
  }

  async #routeResolver(): Promise<Result> {
    const { bridge } = this.#requireBridge();
    this.#wantsResolver = true;
    if (bridge) this.#routing = await routeResolver(this.#deps.exec, bridge);
    return { ...this.#routing };
  }

  /** Loads the tables for `wanted`, then does `rest`; a failure leaves what was wanted before. */
  async #change(wanted: Wanted, rest: () => Promise<void>, unused: string[] = []): Promise<Result> {
    const before = this.#wanted;
    this.#wanted = wanted;
    try {
      await loadTables(this.#deps.exec, wanted, unused);
      this.#hasLoaded = true;
      await rest();
      return {};
    } catch (error) {
      this.#wanted = before;
      await loadTables(this.#deps.exec, before).catch(() => {});
      throw error;
    }
  }

  #requireBridge(): Wanted {
    if (this.#wanted.bridge) return this.#wanted;
    throw new HelperError("refused", "there is no bridge yet: bridge.ensure comes first");
  }

  async #ensureTables(): Promise<boolean> {
    const { exec } = this.#deps;
    if (areComplete(await findTables(exec), this.#wanted)) return false;
    await loadTables(exec, this.#wanted);
    return true;
  }

  /** Has the host forward packets, and its other firewalls let them through. */
  async #ensurePassage(): Promise<boolean> {
    const { exec, forwards, forward, legacyTables } = this.#deps;
    if (!this.#wanted.nat) return false;
    const isForwarding = await forwards();
    if (!isForwarding) await forward();
    const found = await findFirewalls(exec);
    const { firewalls, changed } = await passFirewalls(exec, found, this.#asksFirewalld);
    this.#asksFirewalld = false;
    this.#firewalls = [...firewalls, ...legacyStatus(await legacyTables())];
    return !isForwarding || changed;
  }

  async #ensureRouting(): Promise<boolean> {
    const { bridge } = this.#wanted;
    const { exec } = this.#deps;
    if (!bridge || !this.#wantsResolver || (await isResolverRouted(exec, bridge))) return false;
    this.#routing = await routeResolver(exec, bridge);
    return this.#routing.routed;
  }

  async #status(): Promise<Result> {
    const { exec, version, pid } = this.#deps;
    const [links, tables] = await Promise.all([listLinks(exec), findTables(exec)]);
    const status: HelperStatus = {
      version,
      pid,
      bridge: bridgeSpecOf(links),
      taps: tapsOf(links).slice(0, maxTaps),
      nat: this.#wanted.nat && areComplete(tables, this.#wanted),
      resolver: this.#routing,
      firewalls: this.#firewalls
        .slice(0, maxFirewalls)
        .map(({ text, ...rest }) => ({ ...rest, text: text.slice(0, maxStatusText) })),
    };
    return status;
  }
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}
