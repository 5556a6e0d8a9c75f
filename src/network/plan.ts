/**
 * Addresses of guests behind user-mode networking: the same in every guest, as each VM is alone on its link. They are from
 * TEST-NET-1 (RFC 5737), which no real network uses. Pure.
 */
import { macOf } from "../model/bridge.ts";
import type { GuestNetwork } from "../model/network.ts";

export const guestAddress = "192.0.2.15";
export const guestPrefix = 24;
export const gateway = "192.0.2.2";
/** a virtual address: passt forwards queries to the host's own resolver */
export const resolver = "192.0.2.3";

/**
 * Bytes that a connection may have on their way to the guest, which are on their way from the host only: they have to fit into passt's
 * socket (`agent/src/host/netguard.rs`), where the host allows no more than 416 KiB by default, overhead included; what does not fit is lost.
 */
const window = 128 * 1024;

/** @param id of the VM; @param resolvConf the host's `/etc/resolv.conf`, for its search domains */
export function networkIdentity(id: string, resolvConf: string): GuestNetwork {
  const { search } = parseResolvConf(resolvConf);
  return { address: guestAddress, prefix: guestPrefix, gateway, window, mac: macOf(id), dns: [resolver], search };
}

export type ResolvConf = { /** IPv4 only: the guest's link has no IPv6 */ servers: string[]; search: string[] };

/** resolv.conf(5): the last `search` or `domain` counts; invalid domains are left out. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: string[] = [];
  for (const line of text.split("\n")) {
    const [key, ...values] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (key === "nameserver" && values[0] !== undefined && isIpv4(values[0])) servers.push(values[0]);
    if (key === "search" || key === "domain") search = values.filter(isDomain).slice(0, 6);
  }
  return { servers, search };
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

function isDomain(text: string): boolean {
  return (
    text.length <= 253 &&
    /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/.test(
      text,
    )
  );
}
