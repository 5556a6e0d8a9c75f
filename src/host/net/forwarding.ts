/** Whether the kernel forwards IPv4 packets between interfaces: ip-sysctl, `ip_forward`. It holds for this network namespace. */
import * as fs from "node:fs/promises";

const setting = "/proc/sys/net/ipv4/ip_forward";

export async function forwardsIpv4(): Promise<boolean> {
  return (await fs.readFile(setting, "utf8")).trim() === "1";
}

/** Needs root, no capability: the file belongs to it. @throws the system's error */
export async function forwardIpv4(): Promise<void> {
  await fs.writeFile(setting, "1\n");
}
