/** Names that resolve to forbidden addresses, and what proxies change about that. */
import { expect, test } from "bun:test";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Zone } from "../../base/zone.ts";
import { createHttp, HttpError } from "./http-fetch.ts";
import { proxyFor, type RouteDeps, routesTo, systemRoutes, zoneOfUrl } from "./http-route.ts";

/** A resolver that returns each name's next answer, and then its last one again. */
function names(answers: Record<string, string[][]>, env: RouteDeps["env"] = {}): RouteDeps & { looked: string[] } {
  const looked: string[] = [];
  const resolve = async (hostname: string) => {
    const left = answers[hostname] ?? [];
    const found = left.length > 1 ? left.shift() : left[0];
    looked.push(hostname);
    if (!found) throw Object.assign(new Error("not found"), { code: "ENOTFOUND" });
    return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  return { resolve, env, looked };
}

const url = "https://s.example:8443/x?y";

test("a name is routed to a checked address, with the name kept; IPv4 first", async () => {
  const deps = names({ "s.example": [["2606:4700::1", "1.2.3.4"]] });
  const name = { host: "s.example:8443", hostname: "s.example" };
  expect(await routesTo(deps, url, ["public"])).toEqual([
    { url: "https://1.2.3.4:8443/x?y", proxy: false, name },
    { url: "https://[2606:4700::1]:8443/x?y", proxy: false, name },
  ]);
  expect(deps.looked).toEqual(["s.example"]);
});

test("only the addresses in the allowed zones are kept", async () => {
  const deps = names({ "s.example": [["10.0.0.1", "1.2.3.4", "::1", "::ffff:169.254.169.254"]] });
  const routes = await routesTo(deps, url, ["public"]);
  expect(routes.map((route) => new URL(route.url).hostname)).toEqual(["1.2.3.4"]);
});

const inside: [address: string, words: string][] = [
  ["127.0.0.1", "this machine"],
  ["0.0.0.0", "this machine"],
  ["10.0.0.1", "private"],
  ["169.254.169.254", "link-local"],
  ["fe80::1%eth0", "link-local"],
  ["64:ff9b::7f00:1", "this machine"],
];
for (const [address, words] of inside) {
  test(`a name that resolves to ${address} is refused, and so is the address itself`, async () => {
    const deps = names({ "s.example": [[address]] });
    await expect(routesTo(deps, url, ["public"])).rejects.toMatchObject({ problem: expect.stringContaining(words) });
    if (address.includes("%")) return;
    const literal = `https://${address.includes(":") ? `[${address}]` : address}/`;
    await expect(routesTo(deps, literal, ["public"])).rejects.toMatchObject({
      problem: expect.stringContaining(words),
    });
  });
}

test("the runtime resolves unrestricted requests", async () => {
  const deps = names({});
  expect(await routesTo(deps, url, undefined)).toEqual([{ url }]);
  expect(await routesTo(deps, "http://127.0.0.1:1/", undefined)).toEqual([
    { url: "http://127.0.0.1:1/", proxy: false },
  ]);
  expect(deps.looked).toEqual([]);
});

test("this machine's own services, if allowed, are reached without the proxy", async () => {
  const deps = names({}, { http_proxy: "http://p:1" });
  const here = "http://127.0.0.1:1/";
  expect(await routesTo(deps, here, ["loopback"])).toEqual([{ url: here, proxy: false }]);
  const near = "http://10.0.0.1:1/";
  expect(await routesTo(deps, near, ["private"])).toEqual([{ url: near }]);
});

test("the system's resolver returns every address of a name", async () => {
  expect(await systemRoutes.resolve("localhost")).toContainEqual({
    address: expect.any(String),
    family: expect.any(Number),
  });
});

test("behind a proxy only the name can be checked", async () => {
  const deps = names(
    { "inner.example": [["10.0.0.1"]] },
    { https_proxy: "proxy.example:3128", no_proxy: "inner.example" },
  );
  expect(await routesTo(deps, url, ["public"])).toEqual([{ url, proxy: "http://proxy.example:3128" }]);
  expect(deps.looked).toEqual([]);
  await expect(routesTo(deps, "https://localhost/", ["public"])).rejects.toThrow("this machine");
  await expect(routesTo(deps, "https://10.0.0.1/", ["public"])).rejects.toThrow("private");
  await expect(routesTo(deps, "https://inner.example/", ["public"])).rejects.toThrow("private");
  expect(await zoneOfUrl(deps, url)).toBe("public");
  expect(deps.looked).not.toContain("s.example");
  expect(await zoneOfUrl(deps, "https://inner.example/")).toBe("private");
});

const zones: [addresses: string[], zone: Zone][] = [
  [["10.0.0.1", "fd00::1"], "private"],
  [["127.0.0.1", "::1"], "loopback"],
  [["1.2.3.4", "2606:4700::1"], "public"],
  [["10.0.0.1", "1.2.3.4"], "public"],
  [["127.0.0.1", "10.0.0.1"], "public"],
  [[], "public"],
];
for (const [addresses, zone] of zones) {
  test(`a name of ${addresses.join(" and ") || "nothing"} is ${zone}`, async () => {
    expect(await zoneOfUrl(names({ "s.example": [addresses] }), url)).toBe(zone);
  });
}

test("an address has its zone without being looked up, behind a proxy too", async () => {
  for (const env of [{}, { https_proxy: "http://p:1" }]) {
    const deps = names({ "10.0.0.1": [["1.2.3.4"]] }, env);
    expect(await zoneOfUrl(deps, "https://10.0.0.1/")).toBe("private");
    expect(deps.looked).toEqual([]);
  }
});

const proxies: [env: RouteDeps["env"], url: string, proxy: string | null][] = [
  [{}, "https://a.example/", null],
  [{ https_proxy: "http://p:1" }, "https://a.example/", "http://p:1"],
  [{ https_proxy: "http://p:1" }, "http://a.example/", null],
  [{ HTTP_PROXY: "p:1" }, "http://a.example/", "http://p:1"],
  [{ http_proxy: "http://p:1", no_proxy: "*" }, "http://a.example/", null],
  [{ http_proxy: "http://p:1", no_proxy: "b, a.example" }, "http://a.example/", null],
  [{ http_proxy: "http://p:1", NO_PROXY: ".example" }, "http://a.example/", null],
  [{ http_proxy: "http://p:1", no_proxy: "example" }, "http://a.example/", null],
  [{ http_proxy: "http://p:1", no_proxy: "a.example:81" }, "http://a.example:81/", null],
  [{ http_proxy: "http://p:1", no_proxy: "a.example:81" }, "http://a.example/", "http://p:1"],
  [{ http_proxy: "http://p:1", no_proxy: "ample" }, "http://a.example/", "http://p:1"],
];
for (const [env, to, proxy] of proxies) {
  test(`${JSON.stringify(env)}: ${to} goes ${proxy ? `through ${proxy}` : "there itself"}`, () => {
    expect(proxyFor(to, env)).toBe(proxy);
  });
}

const never = new AbortController().signal;

/** A server on this machine that answers with the host that it was asked for. */
async function echo() {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request.headers.host ?? "");
    response.end("here");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { asked, port, [Symbol.asyncDispose]: close };
}

test("a name whose second answer differs is connected to by its first", async () => {
  await using server = await echo();
  const deps = names({ "s.example": [["127.0.0.1"], ["10.0.0.1"]] });
  const request = {
    method: "GET",
    url: `http://s.example:${server.port}/`,
    signal: never,
    zones: ["loopback"],
  } as const;
  const answer = await createHttp(undefined, deps)(request);
  answer.close();
  expect([answer.status, deps.looked.length, server.asked]).toEqual([200, 1, [`s.example:${server.port}`]]);
});

test("a name that resolves to this machine is not connected to when that is forbidden", async () => {
  await using server = await echo();
  const deps = names({ "s.example": [["127.0.0.1"]] });
  const request = { method: "GET", url: `http://s.example:${server.port}/`, signal: never, zones: ["public"] } as const;
  const error = await createHttp(undefined, deps)(request).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HttpError);
  expect((error as HttpError).kind).toBe("zone");
  expect(server.asked).toEqual([]);
});

test("an address that refuses the connection is followed by the next", async () => {
  await using server = await echo();
  const deps = names({ "s.example": [["127.0.0.2", "127.0.0.1"]] });
  const request = {
    method: "GET",
    url: `http://s.example:${server.port}/`,
    signal: never,
    zones: ["loopback"],
  } as const;
  const answer = await createHttp(undefined, deps)(request);
  answer.close();
  expect(server.asked).toHaveLength(1);
});

test("a name without an address is a connection error, which can be retried", async () => {
  const request = { method: "GET", url, signal: never, zones: ["public"] } as const;
  await expect(createHttp(undefined, names({}))(request)).rejects.toMatchObject({
    kind: "connection",
    problem: "there is no such host",
  });
});
