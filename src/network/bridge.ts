/** A VM's place on the bridge of system mode: its TAP interface and its address. The root helper makes both real. */
import type { VmId } from "../base/names.ts";
import type { Logger } from "../host/log.ts";
import { type BridgeSpec, tapName } from "../model/bridge.ts";
import { lan } from "../model/network.ts";
import { type VmPaths, vmIdAt } from "../model/paths.ts";
import type { Leases } from "../store/leases.ts";
import { type Helper, type HelperStatus, maxDenied, type TapRequest } from "../wire/helper/verbs.ts";
import { bridgeIdentity, hostResolvers, resolverProblem, withoutCovered } from "./bridge-plan.ts";
import { deniedNetworks } from "./deny.ts";
import { freeAddress, isGuestAddress } from "./free-address.ts";
import type { HelperConnection } from "./helper-client.ts";
import { bridgeFailed, helperError } from "./helper-error.ts";
import { createHelperLink, type HelperLink } from "./helper-link.ts";
import type { Accepted, PreparedNetwork } from "./user.ts";

/** A VM that has, or should have, a TAP interface. */
export type BridgedVm = { id: VmId /** entries of its spec */; deny: readonly string[] };

export type BridgeDeps = {
  /** Connects to the root helper. */
  connect(): Promise<HelperConnection>;
  leases: Leases;
  /** of the config; what `bridge` says when it is first asked holds until the daemon ends @throws CONFIG_INVALID */
  settings(): Promise<{ bridge: BridgeSpec; isolate: boolean }>;
  /** the host's networks and own addresses, as `10.0.0.0/8`; called when a VM denies `lan` */
  hostNetworks(): Promise<string[]>;
  /** texts of the host's resolv.conf files, best first */
  resolvConfs(): Promise<string[]>;
  /** VMs that an earlier daemon has started, and whose VMM may run */
  running: readonly BridgedVm[];
  /** Called whenever the bridge is there, before the host's resolver is told to ask it, and waited for. Never rejects. */
  onUp?: (bridge: BridgeSpec) => Promise<void>;
  after: (ms: number, run: () => void) => () => void;
  log: Logger;
};

export type BridgeNetwork = {
  /** @throws NETWORK_FAILED when the VMM takes no TAP interface, or the bridge can't be had */
  kind(deny: readonly string[], accepted: Accepted): Promise<"tap">;
  /**
   * Gives the VM whose id is the name of its folder an address that it keeps, and a TAP interface of its own.
   * @param deny entries from the VM's spec
   * @throws NETWORK_FAILED
   */
  prepare(paths: VmPaths, deny: readonly string[], accepted: Accepted): Promise<PreparedNetwork>;
  /**
   * Has the TAP interface removed, and does not wait for that: the helper does what it is asked in order, so the address is free for whoever
   * gets it next. A helper that does not answer is told when it does again. Never rejects.
   */
  stop(paths: VmPaths): Promise<void>;
  /** The VM is gone for good: its address is free. */
  forget(id: VmId): void;
  /** What the root helper reports. @throws NETWORK_FAILED when it can't be had, or does not do what is wanted */
  status(): Promise<HelperStatus>;
  /** Resolves when the bridge, and all that is wanted on it, was there once, or can't be had for now. */
  settled: Promise<void>;
  /** Interfaces stay. */
  close(): void;
};

/** Connects to the helper at once, and sends it everything that is wanted at each connection. */
export function createBridgeNetwork(deps: BridgeDeps): BridgeNetwork {
  return new Bridge(deps);
}

class Bridge implements BridgeNetwork {
  readonly #deps: BridgeDeps;
  readonly #link: HelperLink;
  readonly settled: Promise<void>;
  /** VMs that are to have a TAP interface, with what their specs deny */
  readonly #wanted: Map<VmId, readonly string[]>;
  /** the address that was given last, so that it is not the next one too */
  #last: string | null = null;
  #bridge: BridgeSpec | null = null;

  constructor(deps: BridgeDeps) {
    this.#deps = deps;
    this.#wanted = new Map(deps.running.map(({ id, deny }) => [id, deny]));
    const { connect, after, log } = deps;
    this.#link = createHelperLink({ connect, after, log, sendAll: (helper) => this.#sendAll(helper) });
    this.settled = this.#link.get().then(
      () => {},
      () => {},
    );
  }

  async kind(_deny: readonly string[], accepted: Accepted): Promise<"tap"> {
    requireTap(accepted);
    await this.#link.get();
    return "tap";
  }

  async prepare(paths: VmPaths, deny: readonly string[], accepted: Accepted): Promise<PreparedNetwork> {
    requireTap(accepted);
    const id = vmIdAt(paths.directory);
    const bridge = await this.#spec();
    const address = this.#leaseFor(id, bridge);
    const resolvers = hostResolvers(await this.#deps.resolvConfs(), bridge);
    this.#wanted.set(id, deny);
    try {
      const request = await this.#requestFor(id, deny);
      // each connection sends it; one that was open before has not
      await (await this.#link.get()).createTap(request);
      const identity = bridgeIdentity(id, address, bridge, resolvers);
      const note = resolverProblem(resolvers.servers, request.deny);
      const device = { kind: "tap", name: tapName(id), mac: identity.mac } as const;
      return { device, identity, process: null, ...(note !== undefined && { note }) };
    } catch (error) {
      await this.stop(paths);
      throw helperError(error);
    }
  }

  async stop(paths: VmPaths): Promise<void> {
    const id = vmIdAt(paths.directory);
    this.#wanted.delete(id);
    // one without an address never had an interface
    if (this.#deps.leases.of(id) === null) return;
    // without a connection the next one removes what is not wanted
    void this.#link
      .current()
      ?.deleteTap(id)
      .catch((error: unknown) => this.#deps.log.warn("a TAP interface stays", { id, why: String(error) }));
  }

  forget(id: VmId): void {
    this.#wanted.delete(id);
    this.#deps.leases.free(id);
  }

  async status(): Promise<HelperStatus> {
    try {
      return await (await this.#link.get()).status();
    } catch (error) {
      throw helperError(error);
    }
  }

  close(): void {
    this.#link.close();
  }

  async #spec(): Promise<BridgeSpec> {
    this.#bridge ??= (await this.#deps.settings()).bridge;
    return this.#bridge;
  }

  /** Synchronous from the look to the record, so that no other VM gets the address. @throws NETWORK_FAILED */
  #leaseFor(id: VmId, bridge: BridgeSpec): string {
    const { leases } = this.#deps;
    const kept = leases.of(id);
    if (kept !== null && isGuestAddress(bridge, kept)) return kept;
    const address = freeAddress(bridge, leases.taken(), this.#last);
    if (address === null) throw full(bridge);
    leases.set(id, address);
    this.#last = address;
    return address;
  }

  /** @throws NETWORK_FAILED */
  async #requestFor(id: VmId, deny: readonly string[]): Promise<Omit<TapRequest, "verb">> {
    const { leases, settings, hostNetworks } = this.#deps;
    const attached = deny.includes(lan) ? await hostNetworks() : [];
    const denied = withoutCovered(deniedNetworks(deny, attached));
    if (denied.length > maxDenied)
      throw bridgeFailed(
        `${denied.length} networks are denied, and ${maxDenied} can be`,
        "list larger networks that contain them",
      );
    const { isolate } = await settings();
    return { vm: id, address: leases.of(id) ?? "", isolated: isolate, deny: denied };
  }

  /** Interfaces of VMs that have ended are removed, those of VMs that run are there, and of VMs that are just being started too. */
  async #sendAll(helper: Helper): Promise<void> {
    const bridge = await this.#spec();
    await helper.ensureBridge(bridge.address, bridge.prefix);
    await this.#deps.onUp?.(bridge);
    await helper.ensureNat();
    for (const [id, deny] of [...this.#wanted])
      await this.#tryEach(id, async () => {
        const request = await this.#requestFor(id, deny);
        if (this.#wanted.has(id)) await helper.createTap(request);
      });
    await this.#removeUnwanted(helper);
    await helper.routeResolver().catch((error: unknown) => {
      this.#deps.log.warn("the host's resolver does not ask for .vm", { why: String(error) });
    });
    // one that ended meanwhile was not told to the helper
    await this.#removeUnwanted(helper);
  }

  async #removeUnwanted(helper: Helper): Promise<void> {
    const { taps } = await helper.status();
    for (const id of taps as VmId[]) if (!this.#wanted.has(id)) await this.#tryEach(id, () => helper.deleteTap(id));
  }

  /** One VM's failure is not the others'. */
  async #tryEach(id: VmId, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#deps.log.warn("a VM's TAP interface is not as it should be", { id, why: helperError(error).message });
    }
  }
}

function requireTap(accepted: Accepted): void {
  if (accepted.includes("tap")) return;
  throw bridgeFailed("this VMM takes no TAP interface", "choose another VMM with `--vmm`, or `--network user`");
}

function full({ address, prefix }: BridgeSpec) {
  const hosts = 2 ** (32 - prefix) - 3;
  return bridgeFailed(
    `each of the ${hosts} addresses of ${address}/${prefix} belongs to a VM`,
    "delete VMs that are not needed, or set a larger network as `bridge` below [network] in the config",
  );
}
