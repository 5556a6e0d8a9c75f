/** What registries refuse and what `image pull` refuses from them: each error names the problem, and its hint the way out. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gate } from "../../src/host/testing/gate.ts";
import {
  type Answer,
  type Asked,
  send,
  type TestServer,
  testServer,
} from "../../src/images/registry/testing/server.ts";
import { certificates } from "../../src/images/testing/certificates.ts";
import { Home, programs } from "../e2e/home.ts";
import { type ImageOptions, Layout, layoutOf, tarOf, types } from "./layout.ts";
import { type Refusal, walk } from "./walk.ts";

const reason =
  gate("tool:sqfstar") ??
  gate("tool:openssl") ??
  (existsSync(join(programs, "banger")) ? null : "the program is not built");

/** Serves a layout's first image under every name. @param on responses to use instead, for a manifest or a blob */
function registryOf(folder: string, on: { manifest?: Answer; blob?: Answer; type?: string } = {}): Answer {
  return (request, response) => {
    const [, kind, name = ""] = /(manifests|blobs)\/(.+)$/.exec(request.url) ?? [];
    const own = kind === "manifests" ? on.manifest : on.blob;
    if (own) return own(request, response);
    const [top] = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")).manifests;
    const digest = name.startsWith("sha256:") ? name : top.digest;
    const bytes = readFileSync(join(folder, "blobs", digest.replace(":", "/")));
    send(response, 200, bytes, kind === "manifests" ? { "content-type": on.type ?? top.mediaType } : {});
  };
}

const status = (code: number, headers: Record<string, string> = {}): Answer => {
  return (_, response) => send(response, code, '{"errors":[]}', headers);
};
const says = (body: string, type: string): Answer => {
  return (_, response) => send(response, 200, body, { "content-type": type });
};
const page = "<!DOCTYPE html><html>sign in</html>";
const atOnce = { "retry-after": "0" };
const basic = { "www-authenticate": 'Basic realm="x"' };

describe.skipIf(reason !== null)(reason === null ? "refusals of pulls" : `refusals of pulls [${reason}]`, () => {
  let home: Home;
  let server: TestServer;
  let made = 0;
  /** by the first part of a repository's name */
  const answers = new Map<string, Answer>();

  beforeAll(async () => {
    home = new Home("pull");
    server = await testServer((request, response) => {
      const answer = answers.get(request.url.split("/")[2] ?? "");
      if (answer) answer(request, response);
      else send(response, 404, "{}");
    });
    await home.ok(["image", "ls"]);
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await home?.close();
  }, 60_000);

  const layout = (options: ImageOptions = {}) => layoutOf(home.folder, options);
  const pulls = (answer: Answer, code: string, said: RegExp, hints: RegExp): Refusal & { is(answer: Answer): void } => {
    const repository = `r${made++}`;
    answers.set(repository, answer);
    const args = ["image", "pull", `${server.host}/${repository}/tool:1`];
    const is = (next: Answer) => void answers.set(repository, next);
    return { name: String(said), args, code, says: said, hints, is };
  };
  /** Once the registry answers properly, following the hint leads to the image. */
  const passing = (answer: Answer, code: string, said: RegExp, hints: RegExp): Refusal => {
    const { is, ...refusal } = pulls(answer, code, said, hints);
    return { ...refusal, mend: () => is(registryOf(layout())), ends: null };
  };
  const all = async (refusals: Refusal[]) => {
    for (const refusal of refusals) {
      await walk(home, refusal).catch((error: Error) => {
        throw new Error(`${refusal.name}: ${error.message}`, { cause: error });
      });
    }
  };

  test("a login page, an empty response and another document are distinguished from a manifest", async () => {
    const between = /a proxy or a login page may stand in between/;
    const portal = (_: Asked, response: ServerResponse) =>
      send(response, 302, "", { location: "http://portal.example/sign-in" });
    await all([
      passing(says(page, "text/html; charset=utf-8"), "REGISTRY_ANSWER", /it sent a web page/, between),
      passing(says(page, "application/json"), "REGISTRY_ANSWER", /it sent a web page/, between),
      passing(says(`\n ${page}`, types.manifest), "REGISTRY_ANSWER", /it sent a web page/, between),
      passing(says("", types.manifest), "REGISTRY_ANSWER", /it sent nothing/, between),
      passing(portal, "REGISTRY_ANSWER", /it redirects to plain http/, between),
      passing(status(418), "REGISTRY_ANSWER", /status 418/, between),
      passing(registryOf(layout(), { type: types.index }), "IMAGE_INVALID", /but declares/, /get it again/),
    ]);
  }, 120_000);

  test("without access the hint says how to log in, and with a login it does not", async () => {
    const password = `Basic ${Buffer.from("me:right").toString("base64")}`;
    const folder = layout();
    const guarded: Answer = (request, response) => {
      const isRight = request.headers.authorization === password;
      return isRight ? registryOf(folder)(request, response) : status(401, basic)(request, response);
    };
    const login = /docker login 127.0.0.1:\d+`, or give --username and --password-stdin/;
    const right = { input: "right\n" };
    const wrong = pulls(
      guarded,
      "REGISTRY_AUTH",
      /the user name, password or token is wrong/,
      /^check that `docker login/,
    );
    const nobody = pulls(guarded, "REGISTRY_AUTH", /it requires a user name and a password/, login);
    const me = [...nobody.args, "--username", "me", "--password-stdin"];
    await all([
      nobody,
      {
        ...wrong,
        args: [...wrong.args, "--username", "me", "--password-stdin"],
        options: { input: "wrong\n" },
        ...{ way: right, ends: null },
      },
      passing(status(401), "REGISTRY_AUTH", /offers no supported authentication scheme/, login),
      passing(status(403), "REGISTRY_AUTH", /status 403/, login),
    ]);
    await home.ok(me, right);
  }, 120_000);

  test("what is missing, rate-limited or broken there is reported as such, and works once it is fixed", async () => {
    await all([
      passing(status(404), "REGISTRY_NOT_FOUND", /has no r\d+\/tool:1/, /spelling of name and tag/),
      passing(status(429, atOnce), "REGISTRY_LIMITED", /too many requests/, /wait, or log in/),
      passing(status(500, atOnce), "REGISTRY_UNREACHABLE", /status 500/, /^run the same command again later/),
      passing(status(503, atOnce), "REGISTRY_UNREACHABLE", /status 503/, /the registry itself has failed/),
    ]);
  }, 120_000);

  test("a blob that is refused, missing or different is reported, and the next pull fetches it", async () => {
    const blob = (answer: Answer) => registryOf(layout(), { blob: answer });
    await all([
      passing(blob(status(401)), "REGISTRY_AUTH", /no supported authentication scheme/, /docker login/),
      passing(blob(status(403)), "REGISTRY_AUTH", /status 403/, /docker login/),
      passing(blob(status(404)), "REGISTRY_NOT_FOUND", /has no r\d+\/tool@sha256:/, /spelling/),
      passing(blob(status(429, atOnce)), "REGISTRY_LIMITED", /too many requests/, /wait/),
      passing(blob(status(500, atOnce)), "REGISTRY_UNREACHABLE", /status 500/, /run the same command again/),
      passing(blob(says("x".repeat(2000), "text/plain")), "DOWNLOAD_DAMAGED", /is damaged/, /a proxy or mirror/),
      passing(blob(says(page, "text/html")), "DOWNLOAD_DAMAGED", /is damaged/, /a proxy or mirror/),
    ]);
  }, 120_000);

  test("an unusable image is reported as what it is", async () => {
    const old = new Layout(home.folder);
    const schemaOne = { schemaVersion: 1, name: "tool", tag: "1", fsLayers: [], history: [], signatures: [] };
    const oldType = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    const first = old.write(old.blob(schemaOne, oldType));
    const image = join(home.folder, "image.tar");
    writeFileSync(image, tarOf(layout()));
    const led = { fill: { "image.tar": image }, ends: null };
    const encrypted = layout({ layerType: `${types.layer}+encrypted` });
    const helm = layout({ configType: "application/vnd.cncf.helm.config.v1+json" });
    const arm = layout({ architecture: "arm64" });
    const invalid = (folder: string, said: RegExp, hints: RegExp) =>
      pulls(registryOf(folder), "IMAGE_INVALID", said, hints);
    await all([
      { ...invalid(first, /Docker's schema 1/, /skopeo copy/), ...led },
      { ...invalid(encrypted, /its layers are encrypted/, /--decryption-key KEY/), ...led },
      invalid(helm, /it is a Helm chart/, /helm show values/),
      invalid(arm, /it is for "linux\/arm64"/, /--platform linux\/amd64/),
      invalid(layout({ more: { manifests: [] } }), /both an image manifest and an index/, /get it again/),
    ]);
  }, 120_000);

  test("for unreadable credentials, the error names the file or program to fix", async () => {
    const folder = join(home.folder, ".docker");
    const config = (text: string) => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "config.json"), text);
    };
    const broken = (text: string, said: RegExp, hints: RegExp): Refusal => ({
      ...pulls(registryOf(layout()), "CREDENTIALS_INVALID", said, hints),
      ...{ before: () => config(text), mend: () => rmSync(folder, { recursive: true }), ends: null },
    });
    const helper = JSON.stringify({ credHelpers: { [server.host]: "none-such" } });
    await all([
      broken("{", /config.json can.t be used: it is not JSON/, /^repair \S+config.json, or move it away/),
      broken('{"auths":1}', /is not what docker writes/, /or move it away/),
      broken(helper, /docker-credential-none-such can.t be used: it can.t be run/, /remove it from credHelpers/),
    ]);
  }, 120_000);

  test("an unknown CA: the variable that the hint names, and a new daemon, lead to the image", async () => {
    const folder = join(home.folder, "tls");
    mkdirSync(folder);
    certificates(folder);
    const answer = registryOf(layout());
    const secure = https.createServer(
      { key: readFileSync(join(folder, "server.key")), cert: readFileSync(join(folder, "server.pem")) },
      (request, response) =>
        answer({ method: "GET", url: request.url ?? "", headers: request.headers, body: "" }, response),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    try {
      const args = ["image", "pull", `127.0.0.1:${(secure.address() as AddressInfo).port}/team/tool:1`];
      await walk(home, {
        ...{ name: "an unknown authority", args, code: "REGISTRY_UNREACHABLE", says: /certificate/ },
        ...{ hints: /SSL_CERT_FILE \(then run `banger daemon stop`\)/, ends: null },
      });
      await home.ok(args, { env: { SSL_CERT_FILE: join(folder, "ca.pem") } });
    } finally {
      secure.closeAllConnections();
      secure.close();
    }
  }, 120_000);

  test("a name that only a registry has is pulled by the hint's command", async () => {
    const { args } = pulls(registryOf(layout()), "", /x/, /x/);
    const name = args.at(-1) ?? "";
    const missing = { code: "IMAGE_NOT_FOUND", says: /no image is named/, hints: /`banger image pull 127/, ends: null };
    await walk(home, { ...missing, name, args: ["image", "show", name] });
    expect((await home.ok(["image", "show", name])).code).toBe(0);
  }, 60_000);
});
