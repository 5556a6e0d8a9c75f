/** Debian's `docker-registry`: plain, with a password, and behind TLS with a CA of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { Downloads } from "../../artifacts/download.ts";
import type { Digest } from "../../base/names.ts";
import { parseReference } from "../../base/reference.ts";
import { archive, file, folder } from "../../formats/tar/testing/archive.ts";
import { createHttp, createZoneOf } from "../../host/net/http-fetch.ts";
import { gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { Credential } from "../../model/credential.ts";
import { pathsOf } from "../../model/paths.ts";
import { withUnion } from "../open-union.ts";
import { Puller } from "../pull.ts";
import { certificates } from "../testing/certificates.ts";
import { imageDeps } from "../testing/image-deps.ts";
import { listUnion } from "../testing/listing.ts";
import { type LayoutOptions, writeLayout } from "../testing/oci-layout.ts";
import { pushLayout } from "../testing/push.ts";
import { startRegistry, type TestRegistry } from "../testing/registry.ts";
import { openRegistry } from "./client.ts";

const why = gate("registry") ?? gate("tool:openssl") ?? gate("tool:htpasswd") ?? gate("tool:sqfstar");
const never = new AbortController().signal;
const layers = [
  archive([folder("bin"), file("bin/sh", "#!", 0o755), file("bin/gone", "x")]),
  archive([folder("etc"), file("etc/name", "value"), folder("bin"), file("bin/.wh.gone", "")]),
];

describe.skipIf(why !== null)(`docker-registry${why ? ` (${why})` : ""}`, () => {
  const temp = tempFolder();
  const folderOf = (name: string) => `${temp.path}/${name}`;
  const running: TestRegistry[] = [];
  const hosts = { plain: "", secret: "", tls: "" };
  let ca = "";

  beforeAll(async () => {
    ca = certificates(temp.path);
    const users = Bun.spawnSync(["htpasswd", "-Bbn", "me", "secret"]).stdout.toString();
    writeFileSync(folderOf("users"), users);
    const auth = `auth: {htpasswd: {realm: test, path: ${folderOf("users")}}}\n`;
    const tls = `, tls: {certificate: ${folderOf("server.pem")}, key: ${folderOf("server.key")}}`;
    for (const [name, more, rest] of [
      ["plain", "", ""],
      ["secret", auth, ""],
      ["tls", "", tls],
    ] as const) {
      const registry = await startRegistry(folderOf(`${name}-registry`), more, rest);
      running.push(registry);
      hosts[name] = registry.host;
    }
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
    temp[Symbol.dispose]();
  });

  async function push(
    name: string,
    to: { host: string; scheme?: string; headers?: Record<string, string> },
    options: LayoutOptions,
  ) {
    const layout = folderOf(`layout-${name}`);
    writeLayout(layout, layers, options);
    const { host, scheme = "http", headers = {} } = to;
    await pushLayout(layout, { url: `${scheme}://${host}`, repository: "team/tool", tag: name, headers, ca });
  }

  /** A home of its own for each pull. */
  function home(name: string) {
    const path = folderOf(`home-${name}`);
    mkdirSync(path);
    const paths = pathsOf({ state: path, cache: path, config: path, runtime: path });
    const pulledBefore = new Map<Digest, ImageRecord>();
    const pause = async () => {};
    const deps = {
      ...imageDeps(paths),
      downloads: new Downloads({ paths, pause }),
      imageFromSource: (digest: Digest) => pulledBefore.get(digest) ?? null,
    };
    const puller = new Puller(deps);
    const pull = async (host: string, tag: string, credential: Credential | null = null, certificate?: string) => {
      const reference = parseReference(`${host}/team/tool:${tag}`);
      const registry = openRegistry(
        { http: createHttp(certificate), zoneOf: createZoneOf(), pause, now: () => Date.now() },
        reference,
        {
          credential,
          insecure: false,
          mirrors: [],
        },
      );
      const pulled = await puller.pull(reference, registry, () => {}, never);
      for (const digest of pulled.sourceDigests) pulledBefore.set(digest, pulled.record);
      return pulled.record;
    };
    return { paths, pull };
  }

  const forms: [name: string, options: LayoutOptions][] = [
    ["oci-gzip", { compress: "gzip" }],
    ["oci-zstd", { compress: "zstd" }],
    ["oci-plain", { compress: "none" }],
    ["docker", { docker: true }],
    ["index", { platforms: ["linux/arm64", "windows/amd64"] }],
    ["docker-index", { docker: true, platforms: ["linux/arm64"] }],
  ];
  for (const [name, options] of forms) {
    test(`pulls ${name}, and a second time with one request`, async () => {
      await push(name, { host: hosts.plain }, { ...options, config: { Cmd: ["sh"], Env: ["A=b"] } });
      const { paths, pull } = home(name);
      const record = await pull(hosts.plain, name);
      expect(record).toMatchObject({
        name: `${hosts.plain}/team/tool:${name}`,
        shell: true,
        config: { cmd: ["sh"], env: { A: "b" } },
      });
      const lines = await withUnion(paths, record.layers, listUnion);
      expect(lines.map((line) => line.path)).toEqual(["bin", "bin/sh", "etc", "etc/name"]);
      expect([readdirSync(paths.blobs), readdirSync(paths.partial)]).toEqual([[], []]);
      expect((await pull(hosts.plain, name)).digest).toBe(record.digest);
    });
  }

  test("an image only for other architectures is refused, and they are named", async () => {
    await push("arm", { host: hosts.plain }, { architecture: "arm64" });
    const error = await home("arm")
      .pull(hosts.plain, "arm")
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "IMAGE_INVALID", message: expect.stringContaining("linux/arm64") });
  });

  test("a password gives access that is denied without it", async () => {
    const headers = { authorization: `Basic ${Buffer.from("me:secret").toString("base64")}` };
    await push("closed", { host: hosts.secret, headers }, {});
    const { pull } = home("closed");
    await expect(pull(hosts.secret, "closed")).rejects.toMatchObject({ code: "REGISTRY_AUTH" });
    await expect(pull(hosts.secret, "closed", { username: "me", password: "no" })).rejects.toMatchObject({
      code: "REGISTRY_AUTH",
    });
    expect((await pull(hosts.secret, "closed", { username: "me", password: "secret" })).layers).toHaveLength(2);
  });

  test("TLS with a trusted CA, and with an untrusted one", async () => {
    await push("tls", { host: hosts.tls, scheme: "https" }, {});
    const { pull } = home("tls");
    expect((await pull(hosts.tls, "tls", null, ca)).layers).toHaveLength(2);
    const error = await home("tls-not")
      .pull(hosts.tls, "tls")
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("certificate") });
  });
});
