/** How challenges are answered: which password goes where, and how long an answer is used. */
import { expect, test } from "bun:test";
import type { Zone } from "../../base/zone.ts";
import { HttpError } from "../../host/net/http-fetch.ts";
import type { Credential } from "../../model/credential.ts";
import { RegistryAuth, wrongCredential } from "./auth.ts";
import { fakeHttp, type Reply } from "./testing/fake-http.ts";

const never = new AbortController().signal;
const password = { username: "me", password: "secret" };
const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;
const url = "https://r.example/v2/team/tool/manifests/v1";
const bearer = 'Bearer realm="https://r.example/token",service="reg"';

type Given = { credential?: Credential | null; challenge?: string | null; insecure?: boolean; zone?: Zone };

/** @param reply what the token server says, or how the connection to it fails */
function client(
  reply: Reply | Error,
  { credential = null, challenge = bearer, insecure = false, zone = "public" }: Given = {},
) {
  const time = { now: 0 };
  const fake = fakeHttp(() => {
    if (reply instanceof Error) throw reply;
    return reply;
  });
  const auth = new RegistryAuth({ http: fake.http, now: () => time.now }, credential);
  const answer = (sent: string | null = null, at = url) =>
    auth.answer({ url: at, challenge, sent }, { insecure, zone }, "pull", never);
  return { time, asked: fake.asked, answer, header: () => auth.header("pull") };
}

const token = (more: object = {}): Reply => ({ status: 200, body: JSON.stringify({ token: "T", ...more }) });

const lives: [what: string, said: object, lifeMs: number][] = [
  ["without a lifetime", {}, 55_000],
  ["for five minutes", { expires_in: 300 }, 295_000],
  ["for a day", { expires_in: 86_400 }, 86_395_000],
  ["for two days", { expires_in: 172_800 }, 86_395_000],
];
test.each(lives)("a token %s is used until five seconds before its end", async (_, said, lifeMs) => {
  const { time, answer, header } = client(token(said));
  expect(header()).toBeNull();
  expect(await answer()).toBe("Bearer T");
  time.now = lifeMs - 1;
  expect(header()).toBe("Bearer T");
  time.now = lifeMs;
  expect(header()).toBeNull();
});

test.each([0, 5, -1])("a token for %p seconds is used once", async (seconds) => {
  const { answer, header } = client(token({ expires_in: seconds }));
  expect(await answer()).toBe("Bearer T");
  expect(header()).toBeNull();
});

test("the answer to a challenge serves all who got it; who was refused with it gets a new one", async () => {
  const { answer, asked } = client(token());
  await answer();
  expect(await answer(null)).toBe("Bearer T");
  expect(await answer("Bearer older")).toBe("Bearer T");
  expect(asked).toHaveLength(1);
  await answer("Bearer T");
  expect(asked).toHaveLength(2);
});

test("a password is the answer to Basic, and is not sent again once it was refused", async () => {
  const { time, answer, asked, header } = client(token(), { credential: password, challenge: "Basic realm=x" });
  expect(await answer()).toBe(basic);
  time.now = 10 ** 12;
  expect(header()).toBe(basic);
  await expect(answer(basic)).rejects.toThrow(wrongCredential);
  expect(asked).toEqual([]);
});

test.each([null, { identityToken: "I" }])("Basic can't be answered with %p", async (credential) => {
  const { answer, header } = client(token(), { credential, challenge: "Basic realm=x" });
  await expect(answer()).rejects.toThrow("it requires a user name and a password");
  expect(header()).toBeNull();
});

test.each([
  "Bearer realm=https://r.example/token, Basic realm=x",
  "Basic realm=x, Bearer realm=https://r.example/token",
])("of several schemes, Bearer is used: %s", async (challenge) =>
  expect(await client(token(), { credential: password, challenge }).answer()).toBe("Bearer T"),
);

test.each([null, "", "Digest realm=x", "Negotiate"])("%p has no scheme to answer", async (challenge) => {
  const { answer, asked } = client(token(), { credential: password, challenge });
  await expect(answer()).rejects.toThrow("it offers no supported authentication scheme");
  expect(asked).toEqual([]);
});

const realms: [what: string, realm: string, at: string, problem: string][] = [
  ["none", "", url, "its challenge has no token server"],
  ["one in plain text", "http://r.example/token", url, "plain http or a forbidden address"],
  ["one on this machine", "https://127.0.0.1/token", url, "plain http or a forbidden address"],
];
test.each(realms)("a token server that is %s gets no password", async (_, realm, at, problem) => {
  const { answer, asked } = client(token(), { credential: password, challenge: `Bearer realm="${realm}"` });
  await expect(answer(null, at)).rejects.toThrow(problem);
  expect(asked).toEqual([]);
});

test("where plain text is allowed, a password goes to the registry's own machine only, and nothing needs no password", async () => {
  const given = { insecure: true, challenge: 'Bearer realm="http://token.example/token"' };
  const plain = "http://r.example/v2/";
  const refused = client(token(), { ...given, credential: password });
  await expect(refused.answer(null, plain)).rejects.toThrow(
    "it asks for the password to be sent to token.example without encryption",
  );
  expect(refused.asked).toEqual([]);
  expect(await client(token(), given).answer(null, plain)).toBe("Bearer T");
  const own = { ...given, challenge: 'Bearer realm="http://r.example:81/token"', credential: password };
  expect(await client(token(), own).answer(null, plain)).toBe("Bearer T");
});

const refusals: [reply: Reply, credential: Credential | null, problem: string][] = [
  [{ status: 401 }, password, wrongCredential],
  [{ status: 403 }, password, wrongCredential],
  [{ status: 401 }, null, "it requires a login"],
  [{ status: 404 }, null, "r.example did not issue a token: status 404"],
  [{ status: 499 }, null, "r.example did not issue a token: status 499"],
  [{ status: 408 }, null, "its token server answered 408"],
  [{ status: 429 }, null, "its token server answered 429"],
  [{ status: 500 }, null, "its token server answered 500"],
  [{ status: 200, body: "{" }, null, "its token server's answer is not JSON"],
  [{ status: 200, body: "[]" }, null, "its token server's answer has no token"],
  [{ status: 200, body: '{"token":""}' }, null, "its token server's answer has no token"],
  [{ status: 200, body: '{"token":"a b"}' }, null, "its token server's answer has no token"],
  [{ status: 200, body: '{"token":1}' }, null, "its token server's answer has no token"],
  [{ status: 200, body: '{"token":"T","expires_in":"300"}' }, null, "its token server's answer has no token"],
];
test.each(refusals)("%j is a refusal, and nothing is kept", async (reply, credential, problem) => {
  const { answer, header } = client(reply, { credential });
  await expect(answer()).rejects.toThrow(problem);
  expect(header()).toBeNull();
});

test("either name of a token is read", async () => {
  const reply = { status: 200, body: '{"access_token":"A"}' };
  expect(await client(reply).answer()).toBe("Bearer A");
});

test("a registry on loopback can have a password sent to loopback only, whatever its name", async () => {
  const at = "http://127.0.0.1:5000/v2/";
  const away = 'Bearer realm="http://token.example/token"';
  const here = 'Bearer realm="http://localhost:5001/token"';
  for (const [url, challenge, isSent] of [
    [at, away, false],
    [at, here, true],
    ["http://registry.example/v2/", here, false],
  ] as const) {
    const given = { credential: password, challenge, insecure: true, zone: "loopback" } as const;
    const { answer, asked } = client(token(), given);
    if (isSent) expect(await answer(null, url)).toBe("Bearer T");
    else await expect(answer(null, url)).rejects.toThrow("without encryption");
    expect(asked).toHaveLength(isSent ? 1 : 0);
  }
});

test("an address that the token server may not have is a refusal; another failure is the connection's", async () => {
  const zone = new HttpError("zone", "it leads to a private address");
  await expect(client(zone).answer()).rejects.toMatchObject({ name: "AuthError", problem: zone.problem });
  const lost = new HttpError("connection", "the connection was lost");
  await expect(client(lost).answer()).rejects.toBe(lost);
});

test("a password goes in the header of a GET, an identity token in the body of a POST, and without either nothing goes", async () => {
  const asking = async (credential: Credential | null, challenge = bearer) => {
    const { answer, asked } = client(token(), { credential, challenge });
    await answer();
    return asked[0];
  };
  const service = "https://r.example/token?service=reg&scope=pull";
  const plain = await asking(null);
  expect([plain?.method, plain?.url, plain?.headers?.["authorization"]]).toEqual(["GET", service, undefined]);
  const named = await asking(password);
  expect([named?.method, named?.url, named?.headers?.["authorization"]]).toEqual(["GET", service, basic]);
  const exchanged = await asking({ identityToken: "I" });
  expect([exchanged?.method, exchanged?.url, exchanged?.headers?.["authorization"]]).toEqual([
    "POST",
    "https://r.example/token",
    undefined,
  ]);
  expect(exchanged?.body).toContain("refresh_token=I");
  const two = await asking(null, 'Bearer realm="https://r.example/token",scope="a  b"');
  expect(two?.url).toBe("https://r.example/token?scope=a&scope=b");
});

test("a hundred characters of a refused token server are shown", async () => {
  const challenge = `Bearer realm="http://${"x".repeat(200)}"`;
  const shown = `http://${"x".repeat(93)}`;
  await expect(client(token(), { challenge }).answer()).rejects.toThrow(`the token server "${shown}", which`);
});
