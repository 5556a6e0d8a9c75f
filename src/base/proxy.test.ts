import { expect, test } from "bun:test";
import fc from "fast-check";
import { completeProxies, mayHoldCredentials, parseProxy, withScheme } from "./proxy.ts";
import { runs } from "./testing/budget.ts";

const addresses: [address: string, host: string | null, hasCredentials: boolean][] = [
  ["proxy:3128", "proxy:3128", false],
  ["http://proxy:3128", "proxy:3128", false],
  ["http://proxy:3128/", "proxy:3128", false],
  ["user:pw@proxy:3128", "proxy:3128", true],
  ["token@proxy:3128", "proxy:3128", true],
  ["user:p@w@proxy:3128", "proxy:3128", true],
  ["HTTP://user:pw@proxy:3128", "proxy:3128", true],
  ["socks5h://user:pw@[::1]:1080", "[::1]:1080", true],
  ["[::1]:3128", "[::1]:3128", false],
  ["user:p/w@proxy:3128", null, true],
  ["user:p#w@proxy:3128", null, true],
  ["user:1/w@proxy:3128", null, true],
  ["user:1#w@proxy:3128", null, true],
  ["ext::sh -c x", null, false],
  ["file:///x", null, false],
  ["", null, false],
];
for (const [address, host, hasCredentials] of addresses) {
  test(`a proxy at ${JSON.stringify(address)}`, () => {
    expect(parseProxy(address)?.host ?? null).toBe(host);
    expect(mayHoldCredentials(address)).toBe(hasCredentials);
  });
}

test("a password is recognised in every form", () => {
  const scheme = fc.constantFrom("", "http://", "https://", "socks5://", "SOCKS5H://", "http:", "//");
  const word = fc.stringMatching(/^[!-~]{0,10}$/);
  fc.assert(
    fc.property(scheme, word, word, (start, user, password) => {
      expect(mayHoldCredentials(`${start}${user}:${password}@proxy:3128`)).toBe(true);
    }),
    { numRuns: runs(200) },
  );
});

test("an environment's proxies get their schemes, and nothing else changes", () => {
  const env = {
    http_proxy: "u:p@proxy:1",
    HTTPS_PROXY: " proxy:2 ",
    all_proxy: "socks5://s",
    ftp_proxy: "a b",
    no_proxy: "x",
  };
  completeProxies(env);
  expect(env).toEqual({
    http_proxy: "http://u:p@proxy:1",
    HTTPS_PROXY: "http://proxy:2",
    all_proxy: "socks5://s",
    ftp_proxy: "a b",
    no_proxy: "x",
  });
  expect(withScheme("proxy")).toBe("http://proxy");
});
