/** The host's own IPv4 addresses, of all its interfaces: getifaddrs(3). */
import { networkInterfaces } from "node:os";

/** Empty when the kernel does not tell. */
export function ownAddresses(): string[] {
  try {
    return Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ family }) => family === "IPv4")
      .map(({ address }) => address);
  } catch {
    return [];
  }
}
