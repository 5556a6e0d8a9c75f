import { expect, test } from "bun:test";
import { proxyVariables, within } from "./bangerd-inheritance.ts";

test("proxy variables go on in both spellings", () => {
  const { environment, notes } = proxyVariables({
    HTTPS_PROXY: "http://p.example:3128",
    no_proxy: "localhost",
    PATH: "/bin",
  });
  expect(environment).toEqual({
    https_proxy: "http://p.example:3128",
    HTTPS_PROXY: "http://p.example:3128",
    no_proxy: "localhost",
    NO_PROXY: "localhost",
  });
  expect(notes).toEqual([]);
});

test.each(["http://127.0.0.1:3128", "http://u:p@localhost:1/", "socks5://[::1]:1080", "127.1.2.3:80", "LOCALHOST"])(
  "a proxy at %s is not handed on, and that is said without its value",
  (value) => {
    const { environment, notes } = proxyVariables({ http_proxy: value });
    expect(environment).toEqual({});
    expect(notes).toEqual([
      "http_proxy names a proxy on this host's loopback, which guests can't reach: it is not handed on",
    ]);
  },
);

test.each(["http://localhost.example:1", "http://10.127.0.0:1", "http://me:127.0.0.1@p.example"])(
  "%s is elsewhere",
  (value) => expect(proxyVariables({ http_proxy: value }).notes).toEqual([]),
);

test("certificates that fit go on, the others are counted", () => {
  expect(within(["aaaa", "bb", "c"], 5)).toEqual({
    fitting: ["aaaa", "c"],
    notes: [expect.stringContaining("1 of the certificates")],
  });
  expect(within([], 5)).toEqual({ fitting: [], notes: [] });
});
