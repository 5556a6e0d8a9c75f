/** Each limit of the client: at it, and one past it. */
import { expect, test } from "bun:test";
import { parseReference } from "../../base/reference.ts";
import { parseChallenges } from "./challenge.ts";
import { openRegistry } from "./client.ts";
import { fakeHttp, type Reply } from "./testing/fake-http.ts";

const never = new AbortController().signal;
const type = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
const challenge = { "www-authenticate": 'Bearer realm="https://r.example/token"' };

function ask(reply: Parameters<typeof fakeHttp>[0]) {
  const fake = fakeHttp(reply);
  const deps = { http: fake.http, zoneOf: fake.zoneOf, pause: async () => {}, now: () => 0 };
  const options = { credential: null, insecure: false, mirrors: [] };
  return openRegistry(deps, parseReference("r.example/team/tool:v1"), options).manifest({ tag: "v1" }, never);
}

test("redirects", async () => {
  const chain =
    (hops: number) =>
    (request: { url: string }): Reply => {
      const at = Number(new URL(request.url).searchParams.get("hop") ?? 0);
      if (at === hops) return { status: 200, body: "{}", headers: type };
      return { status: 307, headers: { location: `https://s.example/?hop=${at + 1}` } };
    };
  await ask(chain(5));
  await expect(ask(chain(6))).rejects.toMatchObject({
    message: expect.stringContaining("redirects too many times"),
  });
});

test("a manifest's length", async () => {
  const sized = (bytes: number) => () => ({ status: 200, body: " ".repeat(bytes), headers: type });
  const most = 4 * 1024 ** 2;
  expect((await ask(sized(most))).bytes).toHaveLength(most);
  await expect(ask(sized(most + 1))).rejects.toMatchObject({ message: expect.stringContaining("more than") });
});

test("the length of a token server's answer", async () => {
  const answering =
    (bytes: number) =>
    ({ url, headers }: { url: string; headers?: Record<string, string> }): Reply => {
      const token = `{"token":"T"}`;
      if (url.includes("/token")) return { status: 200, body: token.padEnd(bytes) };
      return headers?.["authorization"]
        ? { status: 200, body: "{}", headers: type }
        : { status: 401, headers: challenge };
    };
  await ask(answering(65_536));
  await expect(ask(answering(65_537))).rejects.toMatchObject({
    message: expect.stringContaining("did not issue a token"),
  });
});

test("the length of a challenge: what is behind it is not read", () => {
  const padded = (bytes: number) => `${"Basic realm=x,".padEnd(bytes - "Bearer realm=y".length)}Bearer realm=y`;
  const schemes = (text: string) => parseChallenges(text).map(({ scheme }) => scheme);
  expect(schemes(padded(8192))).toEqual(["basic", "bearer"]);
  expect(parseChallenges(padded(8193)).at(-1)?.parameters.get("realm")).not.toBe("y");
});

test("a token is used for a day at most", async () => {
  for (const [now, asked] of [
    [86_400_000 - 5001, 1],
    [86_400_000 - 5000, 2],
  ] as const) {
    let time = 0;
    const fake = fakeHttp(({ url, headers }) => {
      if (url.includes("/token")) return { status: 200, body: '{"token":"T","expires_in":1000000}' };
      return headers?.["authorization"]
        ? { status: 200, body: "{}", headers: type }
        : { status: 401, headers: challenge };
    });
    const deps = { http: fake.http, zoneOf: fake.zoneOf, pause: async () => {}, now: () => time };
    const options = { credential: null, insecure: false, mirrors: [] };
    const registry = openRegistry(deps, parseReference("r.example/team/tool:v1"), options);
    await registry.manifest({ tag: "v1" }, never);
    time = now;
    await registry.manifest({ tag: "v1" }, never);
    expect(fake.asked.filter(({ url }) => url.includes("/token"))).toHaveLength(asked);
  }
});
