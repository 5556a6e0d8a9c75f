/** The apt options of the host that a download through this host's network needs: proxies and certificate settings. */
import { mayHoldCredentials } from "../../base/proxy.ts";

export type AptOption = { key: string; value: string };

const wanted = /^Acquire::(?:https?|ftp)::(?:Proxy(?:::[\w.-]+)?|CaInfo|CaPath|Verify-Peer|Verify-Host)$/i;

/** From the output of `apt-config dump`. File settings (CaInfo) are included: only apt on the host reads them. */
export function neededOptions(dump: string): AptOption[] {
  const options: AptOption[] = [];
  for (const line of dump.split("\n")) {
    const [, key = "", value = ""] = /^([\w:.-]+) "([^"\\]*)";$/.exec(line) ?? [];
    if (wanted.test(key) && value !== "") options.push({ key, value });
  }
  return options;
}

/** Options that can be stored in an image: proxies without credentials. */
export function lastingOptions(options: readonly AptOption[]): AptOption[] {
  return options.filter(({ key, value }) => /::Proxy(?:::|$)/i.test(key) && !mayHoldCredentials(value));
}

/** In apt.conf's syntax; values contain no quotes. */
export function aptConf(options: readonly AptOption[]): string {
  return options.map(({ key, value }) => `${key} "${value}";\n`).join("");
}
