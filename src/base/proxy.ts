/** Proxy addresses as curl reads them (CURLOPT_PROXY(3)): without a scheme they mean http. Pure. */
import { redactUrl } from "./text.ts";

export const proxyNames = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy"] as const;

type Env = Record<string, string | undefined>;

/** The address with its scheme, which is http if it has none. */
export function withScheme(address: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`;
}

/** Null unless it is a proxy address. */
export function parseProxy(address: string): URL | null {
  const url = URL.parse(withScheme(address));
  // an @ after the host was probably meant to end a password
  if (url === null || url.hostname === "" || (url.pathname + url.search + url.hash).includes("@")) return null;
  return /^(?:https?|socks[45]?[ah]?):$/.test(url.protocol) ? url : null;
}

/** Whether it may contain a user name, a password or a token; true also for an address that can't be parsed. */
export function mayHoldCredentials(address: string): boolean {
  return address.includes("@") || redactUrl(address) !== address;
}

/**
 * Adds the implied scheme to the proxy variables of this environment: the runtime's own `fetch` takes the user in
 * `user:password@host:3128` for the host.
 */
export function completeProxies(env: Env): void {
  for (const name of proxyNames.flatMap((lower) => [lower, lower.toUpperCase()])) {
    const address = env[name]?.trim();
    if (address && parseProxy(address)) env[name] = withScheme(address);
  }
}
