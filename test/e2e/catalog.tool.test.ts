/** Publishing and pulling as in docs/image-catalog.md, with the compiled program: two users, a signed catalog, TLS. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { archive, file, folder, symlink } from "../../src/formats/tar/testing/archive.ts";
import { gate } from "../../src/host/testing/gate.ts";
import { certificates } from "../../src/images/testing/certificates.ts";
import { Home, programs } from "./home.ts";
import { until } from "./processes.ts";

const reason =
  gate("tool:sqfstar") ??
  gate("tool:zstd") ??
  gate("tool:openssl") ??
  (existsSync(join(programs, "banger")) ? null : "the program is not built");

/** Serves a folder; `answer` is called first, and returns whether it has responded. */
type Site = {
  url: string;
  asked: { url: string; range: string | undefined }[];
  answer: (path: string, response: import("node:http").ServerResponse) => boolean;
  close(): Promise<void>;
};

describe.skipIf(reason !== null)(reason === null ? "catalogs" : `catalogs [${reason}]`, () => {
  let publisher: Home;
  let reader: Home;
  let site: Site;
  let place = "";
  const trusting = () => ({ env: { SSL_CERT_FILE: join(place, "ca.pem") } });

  beforeAll(async () => {
    publisher = new Home("publ");
    reader = new Home("read");
    place = join(publisher.folder, "site");
    mkdirSync(place);
    certificates(place);
    shell("openssl ecparam -name prime256v1 -genkey -noout -out catalog.key");
    shell("openssl ec -in catalog.key -pubout -out catalog.pub");
    site = await serve(place);
    const random = crypto.getRandomValues(new Uint8Array(65_536));
    const tree = [folder("bin"), file("bin/tool", random, 0o755), symlink("bin/sh", "tool"), folder("home", 0o700)];
    writeFileSync(join(publisher.folder, "tool.tar"), archive(tree));
  }, 60_000);
  afterAll(async () => {
    await site?.close();
    await publisher?.close();
    await reader?.close();
  }, 60_000);

  function shell(line: string): void {
    const done = Bun.spawnSync(["sh", "-ec", line], { cwd: place, stderr: "pipe" });
    if (done.exitCode !== 0) throw new Error(`${line}: ${done.stderr}`);
  }

  const signed = () => shell("openssl dgst -sha256 -sign catalog.key catalog.toml | base64 -w0 > catalog.toml.sig");

  function configured(home: Home, ...urls: string[]): void {
    mkdirSync(join(home.folder, "k/banger"), { recursive: true });
    const tables = urls.map((url) => `[[catalog_urls]]\nurl = "${url}"\nkey = "example.pub"\n`);
    writeFileSync(join(home.folder, "k/banger/config.toml"), tables.join(""));
    writeFileSync(join(home.folder, "k/banger/example.pub"), readFileSync(join(place, "catalog.pub")));
  }

  test("one user makes a bundle and signs a catalog with it", async () => {
    await publisher.ok(["image", "register", "tool", "--rootfs", join(publisher.folder, "tool.tar")]);
    const made = await publisher.ok(["image", "bundle", "tool", join(place, "tool"), "--description", "a tool"]);
    expect(made.stdout).toMatch(
      /^\[\[image\]\]\nname = "tool"\ndescription = "a tool"\nurl = "tool\/"\nsha256 = "[0-9a-f]{64}"\nsize = \d+\n$/,
    );
    expect(made.stderr).toContain("the bundle is in");
    expect(readdirSync(join(place, "tool")).toSorted()).toEqual(["manifest.json", "rootfs.tar.zst"]);
    writeFileSync(join(place, "catalog.toml"), `format = 1\n${made.stdout}`);
    signed();
  }, 60_000);

  test("another user reads the catalog and pulls by the short name", async () => {
    configured(reader, `${site.url}/catalog.toml`);
    const catalog = await reader.ok(["image", "catalog"], trusting());
    expect(catalog.stdout).toMatch(/^tool +\d.*KiB +no +https:\/\/127\.0\.0\.1:\d+\/catalog\.toml +a tool$/m);
    const pulled = await reader.ok(["image", "pull", "tool"]);
    expect([pulled.stdout, pulled.stderr]).toEqual([
      expect.stringMatching(/^tool \d/),
      expect.stringContaining("pulling tool"),
    ]);
    expect(await reader.json<object>(["image", "show", "tool"])).toMatchObject({
      source: `catalog ${site.url}/catalog.toml`,
    });
    expect((await reader.ok(["image", "catalog", "tool"])).stdout).toMatch(/^tool .* yes /m);
    // the tree is the same: bundled again it is the same tar
    await reader.ok(["image", "bundle", "tool", join(place, "again")]);
    const tar = (name: string) => JSON.parse(readFileSync(join(place, name, "manifest.json"), "utf8")).rootfs.tar;
    expect(tar("again")).toEqual(tar("tool"));
    site.asked.length = 0;
    await reader.ok(["image", "pull", "tool"]);
    expect(site.asked.map(({ url }) => url)).toEqual(["/catalog.toml", "/catalog.toml.sig"]);
  }, 60_000);

  test("doctor checks the catalog itself", async () => {
    const findings = JSON.parse((await reader.banger(["doctor", "--json"], trusting())).stdout) as {
      name: string;
      status: string;
    }[];
    expect(findings.filter(({ name }) => name === "catalog")).toMatchObject([{ status: "ok" }]);
    const blind = JSON.parse((await reader.banger(["doctor", "--json"])).stdout) as { name: string; text: string }[];
    expect(blind.find(({ name }) => name === "catalog")).toMatchObject({
      status: "warning",
      text: expect.stringContaining("certificate"),
    });
  }, 60_000);

  test("for a mistyped name the right one is suggested, an unknown name is not found", async () => {
    const wrong = await reader.banger(["image", "pull", "tol"]);
    expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining('did you mean "tool"?')]);
    expect((await reader.banger(["kernel", "pull", "no-such-kernel"])).code).toBe(3);
  }, 60_000);

  test("a modified catalog is rejected, and the last good one is used instead", async () => {
    const good = readFileSync(join(place, "catalog.toml"), "utf8");
    writeFileSync(join(place, "catalog.toml"), good.replace("a tool", "evil"));
    const shown = await reader.ok(["image", "catalog"]);
    expect(shown.stderr).toMatch(
      /^warning: the catalog .* is not trusted: its signature was made with another key.*the copy of \d+\w ago is shown$/m,
    );
    expect(shown.stdout).toContain("a tool");
    const fresh = new Home("fres");
    try {
      configured(fresh, `${site.url}/catalog.toml`);
      const refused = await fresh.banger(["image", "pull", "tool", "--json"], trusting());
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('"code":"CATALOG_UNTRUSTED"')]);
    } finally {
      await fresh.close();
      writeFileSync(join(place, "catalog.toml"), good);
    }
  }, 60_000);

  test("a daemon killed in the middle leaves only a part, and the next one resumes from it", async () => {
    const { promise: stalled, resolve } = Promise.withResolvers<void>();
    const whole = readFileSync(join(place, "tool/rootfs.tar.zst"));
    const half = Math.floor(whole.length / 2);
    const killed = new Home("kill");
    try {
      configured(killed, `${site.url}/catalog.toml`);
      site.answer = (path, response) => {
        if (!path.endsWith("rootfs.tar.zst")) return false;
        response.writeHead(200, { "content-length": String(whole.length) });
        response.write(whole.subarray(0, half), () => resolve());
        return true;
      };
      const pulling = killed.spawn(["image", "pull", "tool"], trusting());
      const said = new Response(pulling.stderr).text();
      await stalled;
      const blobs = join(killed.folder, "c/banger/blobs");
      await partOf(blobs, half);
      await killed.killDaemon();
      expect(await pulling.exited).toBe(6);
      expect(await said).toContain("can't be reached");
      const names = readdirSync(join(killed.folder, "c/banger"), { recursive: true, encoding: "utf8" });
      expect(names.filter((name) => /^(layers|partial)\//.test(name))).toEqual([]);
      expect(readdirSync(blobs).filter((name) => name.endsWith(".part"))).toHaveLength(1);
      site.answer = () => false;
      await killed.ok(["image", "pull", "tool"], trusting());
      expect(site.asked.at(-1)).toEqual({ url: "/tool/rootfs.tar.zst", range: `bytes=${half}-` });
      expect(readdirSync(blobs)).toEqual([]);
    } finally {
      site.answer = () => false;
      await killed.close();
    }
  }, 60_000);

  test("with a catalog in a file and an unreachable one, the first still works", async () => {
    const local = new Home("loca");
    try {
      configured(local, "https://127.0.0.1:1/catalog.toml", `file://${place}/catalog.toml`);
      const pulled = await local.ok(["image", "pull", "tool"]);
      expect(pulled.stderr).toContain(
        "warning: the catalog https://127.0.0.1:1/catalog.toml is not available: the connection was refused",
      );
      expect((await local.ok(["image", "ls"])).stderr).toBe("");
    } finally {
      await local.close();
    }
  }, 60_000);

  test("a server whose certificate is not trusted is reported as such, with a hint", async () => {
    const strict = new Home("stri");
    try {
      configured(strict, `${site.url}/catalog.toml`);
      const refused = await strict.banger(["image", "pull", "tool"]);
      expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining("its certificate is not trusted")]);
      expect(refused.stderr).toContain("SSL_CERT_FILE");
    } finally {
      await strict.close();
    }
  }, 60_000);
});

async function serve(root: string): Promise<Site> {
  const site: Site = { url: "", asked: [], answer: () => false, close: async () => {} };
  const tls = { key: readFileSync(join(root, "server.key")), cert: readFileSync(join(root, "server.pem")) };
  const server = https.createServer(tls, (request, response) => {
    const path = request.url ?? "";
    const { range } = request.headers;
    site.asked.push({ url: path, range });
    if (site.answer(path, response)) return;
    if (!existsSync(join(root, path))) return void response.writeHead(404).end();
    const bytes = readFileSync(join(root, path));
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const head = from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, head).end(bytes.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  site.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  site.close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return site;
}

/** Resolves when the daemon has written what it received. */
async function partOf(blobs: string, bytes: number): Promise<void> {
  const isThere = (name: string) => name.endsWith(".part") && Bun.file(join(blobs, name)).size === bytes;
  await until("the part", () => existsSync(blobs) && readdirSync(blobs).some(isThere));
}
