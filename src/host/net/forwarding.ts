/**
 * Whether the kernel forwards IPv4 packets between interfaces (ip-sysctl, `ip_forward`), and what the old iptables keeps from passing. It holds
 * for this network namespace.
 */
import * as fs from "node:fs/promises";
import { isMissing } from "../errno.ts";

const setting = "/proc/sys/net/ipv4/ip_forward";

export async function forwardsIpv4(): Promise<boolean> {
  return (await fs.readFile(setting, "utf8")).trim() === "1";
}

/** Tables of the iptables that nftables does not show (`iptables-legacy`); readable for root: ip_tables.c, x_tables.c. */
export async function legacyTables(): Promise<string[]> {
  try {
    return (await fs.readFile("/proc/net/ip_tables_names", "utf8")).split("\n").filter(Boolean);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Needs root, no capability: the file belongs to it. @throws the system's error */
export async function forwardIpv4(): Promise<void> {
  await fs.writeFile(setting, "1\n");
}
