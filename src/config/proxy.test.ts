import { expect, test } from "bun:test";
import { type ProxyFacts, planProxy } from "./proxy.ts";

const none: ProxyFacts = { env: {}, added: [], named: [], standard: "" };

test("nothing set, nothing passed on", () => {
  expect(planProxy(none)).toEqual({ environment: {}, caCertificates: [], notes: [] });
});

test("both cases are set, lower case wins, no_proxy is completed", () => {
  const { environment, notes } = planProxy({
    ...none,
    env: {
      http_proxy: "http://proxy:3128",
      HTTP_PROXY: "http://other",
      HTTPS_PROXY: "http://u:p@proxy:3128",
      no_proxy: ".corp, 192.0.2.0/24 localhost;$(x)",
    },
  });
  expect(environment).toEqual({
    http_proxy: "http://proxy:3128",
    HTTP_PROXY: "http://proxy:3128",
    https_proxy: "http://u:p@proxy:3128",
    HTTPS_PROXY: "http://u:p@proxy:3128",
    no_proxy: ".corp,192.0.2.0/24,localhost,127.0.0.1,::1",
    NO_PROXY: ".corp,192.0.2.0/24,localhost,127.0.0.1,::1",
  });
  expect(notes).toEqual([]);
});

test("an address without a scheme gets the one that curl assumes", () => {
  const { environment } = planProxy({ ...none, env: { https_proxy: "u:p@proxy:3128" } });
  expect(environment["HTTPS_PROXY"]).toBe("http://u:p@proxy:3128");
});

test("no_proxy alone is not passed on", () => {
  expect(planProxy({ ...none, env: { no_proxy: "x" } }).environment).toEqual({});
});

for (const value of [
  "http://127.0.0.1:3128",
  "localhost:3128",
  "socks5h://[::1]:1080",
  "127.1.2.3:1",
  "http://0.0.0.0:1",
]) {
  test(`a proxy on the host's loopback is reported, not passed on: ${value}`, () => {
    const plan = planProxy({ ...none, env: { http_proxy: value } });
    expect(plan.environment).toEqual({});
    expect(plan.notes[0]).toContain("http_proxy is not passed on: it is a proxy on the host's own loopback");
  });
}

for (const value of [
  "http://",
  "a b",
  "http://x\ny",
  "ext::sh",
  "http://x/$(id)",
  "x".repeat(2000),
  "file:///x",
  "http://x'y",
]) {
  test(`not a proxy address: ${JSON.stringify(value.slice(0, 20))}`, () => {
    const plan = planProxy({ ...none, env: { https_proxy: value } });
    expect(plan.environment).toEqual({});
    expect(plan.notes).toEqual(["https_proxy is not passed on: it is not a proxy address"]);
    expect(plan.notes.join()).not.toContain(value);
  });
}
