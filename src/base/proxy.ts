/** Addresses of proxies as curl reads them (CURLOPT_PROXY(3)): without a scheme they mean http. Pure. */
import { redactUrl } from "./text.ts";

export const proxyNames = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy"] as const;

type Env = Record<string, string | undefined>;

/** With the scheme that is meant. */
export function withScheme(address: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`;
}

/** Null for what is no proxy's address. */
export function parseProxy(address: string): URL | null {
  const url = URL.parse(withScheme(address));
  // an @ behind the host was meant to end a password
  if (url === null || url.hostname === "" || (url.pathname + url.search + url.hash).includes("@")) return null;
  return /^(?:https?|socks[45]?[ah]?):$/.test(url.protocol) ? url : null;
}

/** Whether a user's name, a password or a token may be in it; of what can't be parsed too. */
export function mayHoldCredentials(address: string): boolean {
  return address.includes("@") || redactUrl(address) !== address;
}

/**
 * Gives the proxy variables of this environment the schemes that they mean: the runtime's own `fetch` takes the user of
 * `user:password@host:3128` for the host.
 */
export function completeProxies(env: Env): void {
  for (const name of proxyNames.flatMap((lower) => [lower, lower.toUpperCase()])) {
    const address = env[name]?.trim();
    if (address && parseProxy(address)) env[name] = withScheme(address);
  }
}
