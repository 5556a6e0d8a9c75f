/** The apt options of the host that a download through this host's network needs: proxies and certificate settings. */
import { mayHoldCredentials } from "../../base/proxy.ts";

export type AptOption = { key: string; value: string };

const wanted = /^Acquire::(?:https?|ftp)::(?:Proxy(?:::[\w.-]+)?|CaInfo|CaPath|Verify-Peer|Verify-Host)$/i;

/** From the text of `apt-config dump`. Hosts' own files (CaInfo) are kept: only apt on the host reads them. */
export function neededOptions(dump: string): AptOption[] {
  const options: AptOption[] = [];
  for (const line of dump.split("\n")) {
    const [, key = "", value = ""] = /^([\w:.-]+) "([^"\\]*)";$/.exec(line) ?? [];
    if (wanted.test(key) && value !== "") options.push({ key, value });
  }
  return options;
}

/** Those that may stay in an image: proxies without credentials. */
export function lastingOptions(options: readonly AptOption[]): AptOption[] {
  return options.filter(({ key, value }) => /::Proxy(?:::|$)/i.test(key) && !mayHoldCredentials(value));
}

/** As apt.conf writes it; values hold no quotes. */
export function aptConf(options: readonly AptOption[]): string {
  return options.map(({ key, value }) => `${key} "${value}";\n`).join("");
}
