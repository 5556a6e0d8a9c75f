/** Where passwords and tokens may go, and how a failing token server is reported. */
import { expect, test } from "bun:test";
import { parseReference } from "../../base/reference.ts";
import { HttpError } from "../../host/net/http-fetch.ts";
import type { Credential } from "../../model/credential.ts";
import { openRegistry } from "./client.ts";
import { type FakeHttp, fakeHttp, type Reply } from "./testing/fake-http.ts";

const never = new AbortController().signal;
const credential = { username: "me", password: "secret" };
const digest = `sha256:${"0".repeat(64)}` as never;
const fine: Reply = {
  status: 200,
  body: "{}",
  headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" },
};

function open({ http, zoneOf }: FakeHttp, host: string, options: { credential?: Credential; insecure?: boolean } = {}) {
  const deps = { http, zoneOf, pause: async () => {}, now: () => 0 };
  const reference = parseReference(`${host}/team/tool:v1`);
  return openRegistry(deps, reference, { credential: null, insecure: false, mirrors: [], ...options });
}

const wants = (realm: string): Reply => ({ status: 401, headers: { "www-authenticate": `Bearer realm="${realm}"` } });
const noTls = () => {
  throw new HttpError("connection", "no TLS is spoken there");
};

for (const scheme of ["http", "https"]) {
  test(`a registry on loopback that speaks ${scheme} can't have a password sent elsewhere in plain text`, async () => {
    const fake = fakeHttp(({ url }) =>
      scheme === "http" && url.startsWith("https://localhost") ? noTls() : wants("http://token.example/token"),
    );
    const asking = open(fake, "localhost:5000", { credential }).manifest({ tag: "v1" }, never);
    await expect(asking).rejects.toMatchObject({ code: "REGISTRY_AUTH" });
    expect(fake.asked.filter(({ url }) => url.includes("token.example"))).toEqual([]);
  });
}

test("a registry on loopback may have its token server there too, in plain text", async () => {
  const fake = fakeHttp(({ url, headers }) => {
    if (url.startsWith("https:")) noTls();
    if (url.startsWith("http://127.0.0.1:5001/")) return { status: 200, body: '{"token":"T"}' };
    return headers?.["authorization"] === "Bearer T" ? fine : wants("http://127.0.0.1:5001/token");
  });
  await open(fake, "localhost:5000", { credential }).manifest({ tag: "v1" }, never);
  expect(fake.asked.at(-1)?.headers).toMatchObject({ authorization: "Bearer T" });
});

const redirects: [from: string, to: string, insecure: boolean, isFollowed: boolean][] = [
  ["r.example", "https://storage.example/x", false, true],
  ["r.example", "http://storage.example/x", false, false],
  ["r.example", "http://127.0.0.1:1/x", false, false],
  ["localhost:5000", "http://storage.example/x", false, false],
  ["localhost:5000", "http://127.0.0.1:9000/x", false, true],
  ["r.example", "http://storage.example/x", true, true],
];
for (const [from, to, insecure, isFollowed] of redirects) {
  test(`${from}${insecure ? ", insecure," : ""} may ${isFollowed ? "" : "not "}lead to ${to}`, async () => {
    const fake = fakeHttp(({ url }) => {
      if (url === to) return fine;
      const isPlain = insecure || from.startsWith("localhost");
      return url.startsWith("https:") && isPlain ? noTls() : { status: 307, headers: { location: to } };
    });
    const asking = open(fake, from, { insecure }).manifest({ tag: "v1" }, never);
    if (isFollowed) await asking;
    else await expect(asking).rejects.toMatchObject({ code: "REGISTRY_ANSWER" });
    expect(fake.asked.some(({ url }) => url === to)).toBe(isFollowed);
  });
}

/** Hosts that a public registry can name neither as its realm nor in a redirect. */
const inside = [
  ...[
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "a.localhost",
  ],
  ...["[::1]", "[::ffff:127.0.0.1]", "[::ffff:a00:1]", "[64:ff9b::a9fe:a9fe]", "[fd00::1]", "[fe80::1]"],
  ...["169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "127.0.0.1."],
];
for (const host of inside) {
  test(`a public registry can't lead us to ${host}, with or without encryption, insecure or not`, async () => {
    for (const scheme of ["http", "https"])
      for (const insecure of [false, true]) {
        const to = `${scheme}://${host}:5001/admin/delete`;
        const realm = fakeHttp(() => wants(to));
        const asking = open(realm, "r.example", { credential, insecure }).manifest({ tag: "v1" }, never);
        await expect(asking).rejects.toMatchObject({ code: "REGISTRY_AUTH" });
        const redirect = fakeHttp(() => ({ status: 307, headers: { location: to } }));
        const led = open(redirect, "r.example", { insecure }).blob(digest)(0, never);
        await expect(led).rejects.toMatchObject({ code: "REGISTRY_ANSWER" });
        for (const { asked } of [realm, redirect]) {
          expect(asked.map(({ url }) => new URL(url).hostname)).toEqual(["r.example"]);
        }
      }
  });
}

test("a registry's zone is determined once, before its first answer, and restricts the hosts that it can name", async () => {
  const kinds = ["private", "loopback", "public"] as const;
  let looked = 0;
  const fake = fakeHttp(({ url }) =>
    url.includes("/token") ? { status: 200, body: '{"token":"T"}' } : wants("https://auth.example/token"),
  );
  const zoneOf = async () => kinds[looked++] ?? "loopback";
  const registry = open({ ...fake, zoneOf }, "r.example", { credential });
  await expect(registry.manifest({ tag: "v1" }, never)).rejects.toMatchObject({ code: "REGISTRY_AUTH" });
  expect(looked).toBe(1);
  expect(fake.asked.map(({ url, zones }) => [new URL(url).hostname, zones])).toEqual([
    ["r.example", ["private"]],
    ["auth.example", ["public", "private"]],
    ["r.example", ["private"]],
  ]);
});

test("an address that is refused on connecting is reported, and not tried again", async () => {
  const refused = () => {
    throw new HttpError("zone", "s.example is in a private network");
  };
  const fake = fakeHttp(({ url }) =>
    url.includes("s.example") ? refused() : { status: 307, headers: { location: "https://s.example/x" } },
  );
  const asking = open(fake, "r.example").manifest({ tag: "v1" }, never);
  await expect(asking).rejects.toMatchObject({ code: "REGISTRY_ANSWER", message: expect.stringContaining("private") });
  expect(fake.asked).toHaveLength(2);
  const realm = fakeHttp(({ url }) => (url.includes("s.example") ? refused() : wants("https://s.example/token")));
  const token = open(realm, "r.example", { credential }).manifest({ tag: "v1" }, never);
  await expect(token).rejects.toMatchObject({ code: "REGISTRY_AUTH", message: expect.stringContaining("private") });
  expect(realm.asked).toHaveLength(2);
});

const plainRealms: [realm: string, credential: Credential | null, isAsked: boolean][] = [
  ["http://r.example/token", credential, true],
  ["http://r.example:5001/token", credential, true],
  ["http://auth.example/token", credential, false],
  ["http://auth.example/token", { identityToken: "I" }, false],
  ["http://auth.example/token", null, true],
  ["https://auth.example/token", credential, true],
];
for (const [realm, who, isAsked] of plainRealms) {
  test(`an insecure registry's realm ${realm} is ${isAsked ? "" : "not "}asked ${who ? "with credentials" : "anonymously"}`, async () => {
    const fake = fakeHttp(({ url, headers }) => {
      if (url.startsWith("https://r.example")) return noTls();
      if (url.includes("/token")) return { status: 200, body: '{"token":"T"}' };
      return headers?.["authorization"] === "Bearer T" ? fine : wants(realm);
    });
    const options = { insecure: true, ...(who ? { credential: who } : {}) };
    const asking = open(fake, "r.example", options).manifest({ tag: "v1" }, never);
    if (isAsked) await asking;
    else
      await expect(asking).rejects.toMatchObject({
        code: "REGISTRY_AUTH",
        message: expect.stringMatching(/encryption/),
      });
    expect(fake.asked.some(({ url }) => url.includes("/token"))).toBe(isAsked);
  });
}

const outages: [status: number, code: string][] = [
  [429, "REGISTRY_LIMITED"],
  [503, "REGISTRY_UNREACHABLE"],
];
for (const [status, code] of outages) {
  test(`a token server that answers ${status} is asked again, then it is ${code}`, async () => {
    const fake = fakeHttp(({ url }) => (url.includes("/token") ? { status } : wants("https://r.example/token")));
    const asking = open(fake, "r.example").manifest({ tag: "v1" }, never);
    await expect(asking).rejects.toMatchObject({ code });
    expect(fake.asked.filter(({ url }) => url.includes("/token"))).toHaveLength(5);
  });
}

test("two requests that are asked for a password at once both send it", async () => {
  const fake = fakeHttp(({ headers }) =>
    headers?.["authorization"] ? fine : { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } },
  );
  const registry = open(fake, "r.example", { credential });
  const parts = await Promise.all([registry.blob(digest)(0, never), registry.blob(digest)(0, never)]);
  expect(parts.map(({ from }) => from)).toEqual([0, 0]);
});

test("a token that is not a valid header value is refused", async () => {
  const fake = fakeHttp(({ url }) =>
    url.includes("/token") ? { status: 200, body: '{"token":"té"}' } : wants("https://r.example/token"),
  );
  await expect(open(fake, "r.example").manifest({ tag: "v1" }, never)).rejects.toMatchObject({
    code: "REGISTRY_AUTH",
    message: expect.stringContaining("has no token"),
  });
  expect(fake.asked).toHaveLength(2);
});
