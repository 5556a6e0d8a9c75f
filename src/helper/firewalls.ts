/**
 * Other firewalls of the host. A packet passes only if every table lets it, so where docker, ufw or firewalld drop what they don't know,
 * guests need an exception there; our own table still says what they may. Pure.
 */
import { bridgeName } from "../model/bridge.ts";
import type { FirewallStatus } from "../wire/helper/verbs.ts";
import { tables } from "./ruleset.ts";
import { objectsOf } from "./ruleset-shape.ts";

/** `hook` and `policy` are empty for one that others jump to */
type Chain = { family: string; table: string; name: string; hook: string; policy: string };

/** Only iptables-legacy shows its rules, and it needs CAP_NET_RAW, which the helper does not have. */
export function legacyStatus(tables: readonly string[]): FirewallStatus[] {
  if (!tables.includes("filter")) return [];
  return [
    { kind: "iptables-legacy", passed: false, text: "iptables-legacy: its table filter is in use, and was left alone" },
  ];
}

export type Firewalls = {
  /** chains of `ip filter`, which iptables keeps: those that need our rules */
  iptables: ("FORWARD" | "INPUT")[];
  /** who keeps them: `docker`, `ufw`; else `iptables` */
  owners: string[];
  firewalld: boolean;
  /** chains that drop what they don't know, and that are not ours to change: `inet filter forward` */
  foreign: string[];
};

/** @param text of `nft --json list chains`; null when it is not that */
export function readFirewalls(text: string): Firewalls | null {
  const objects = objectsOf(text);
  if (!objects) return null;
  const chains = objects.filter(({ kind }) => kind === "chain").map(({ value }) => chainOf(value));
  const filter = chains.filter(({ family, table }) => family === "ip" && table === "filter");
  const has = (start: string) => filter.some(({ name }) => name.startsWith(start));
  const owners = [...(has("DOCKER") ? ["docker"] : []), ...(has("ufw-") ? ["ufw"] : [])];
  return {
    iptables: (["FORWARD", "INPUT"] as const).filter((name) =>
      filter.some((chain) => chain.name === name && chain.hook),
    ),
    owners: owners.length > 0 ? owners : ["iptables"],
    firewalld: chains.some(({ family, table }) => family === "inet" && table === "firewalld"),
    foreign: chains.filter(isForeign).map(({ family, table, name }) => `${family} ${table} ${name}`),
  };
}

function chainOf(value: Record<string, unknown>): Chain {
  const text = (key: string) => (typeof value[key] === "string" ? value[key] : "");
  return {
    family: text("family"),
    table: text("table"),
    name: text("name"),
    hook: text("hook"),
    policy: text("policy"),
  };
}

function isForeign({ family, table, hook, policy }: Chain): boolean {
  const isOurs = Object.values(tables).some(({ name }) => name === table);
  const isHandled = isOurs || table === "firewalld" || (family === "ip" && table === "filter");
  return !isHandled && ["ip", "inet"].includes(family) && ["forward", "input"].includes(hook) && policy === "drop";
}

const comment = ["-m", "comment", "--comment", "banger"];
const fromGuests = ["-i", bridgeName, ...comment, "-j", "ACCEPT"];
const toGuests = ["-o", bridgeName, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", ...comment, "-j", "ACCEPT"];

/** Our rules of each chain, as iptables(8) takes them and prints them with `-S`. */
const iptablesRules = { FORWARD: [fromGuests, toGuests], INPUT: [fromGuests] };

/**
 * The arguments of `iptables` that put our rules at the chain's head; none where nothing is dropped.
 * @param text what `iptables -S CHAIN` prints
 */
export function iptablesPlan(chain: "FORWARD" | "INPUT", text: string): string[][] {
  const lines = text.split("\n").map((line) => line.trim());
  const ours = iptablesRules[chain];
  const others = lines.filter((line) => line.startsWith("-A ") && !ours.some((rule) => line === added(chain, rule)));
  if (lines.includes(`-P ${chain} ACCEPT`) && others.length === 0) return [];
  return ours.filter((rule) => !lines.includes(added(chain, rule))).map((rule) => ["-I", chain, "1", ...rule]);
}

/** The arguments that remove our rules. @param text as above */
export function iptablesRemoval(chain: "FORWARD" | "INPUT", text: string): string[][] {
  const lines = text.split("\n").map((line) => line.trim());
  return iptablesRules[chain].flatMap((rule) =>
    lines.filter((line) => line === added(chain, rule)).map(() => ["-D", chain, ...rule]),
  );
}

function added(chain: string, rule: readonly string[]): string {
  return `-A ${chain} ${rule.join(" ")}`;
}
