/** A first run with only a catalog: image and kernel are pulled automatically, and the VM boots from them. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archive, file, folder, symlink } from "../../src/formats/tar/testing/archive.ts";
import { gate } from "../../src/host/testing/gate.ts";
import { withUnion } from "../../src/images/open-union.ts";
import { tinyArtifacts } from "../../src/images/testing/tiny.ts";
import { vmSuite } from "./harness.ts";
import { Home } from "./home.ts";

const reason = gate("tool:openssl") ?? gate("tool:zstd");

vmSuite("catalog", (publisher) => {
  test.skipIf(reason !== null)(
    reason === null ? "vm run gets image and kernel from the catalog" : `vm run [${reason}]`,
    async () => {
      const site = join(publisher().folder, "site");
      mkdirSync(site);
      writeFileSync(
        join(site, "box.tar"),
        archive([folder("bin"), file("bin/busybox", await busybox(), 0o755), symlink("bin/sh", "busybox")]),
      );
      await publisher().ok(["image", "register", "box", "--rootfs", join(site, "box.tar")]);
      const box = await publisher().ok(["image", "bundle", "box", join(site, "box")]);
      const kernel = await publisher().ok([
        "kernel",
        "bundle",
        "debian-bookworm-cloud",
        join(site, "k"),
        "--name",
        "k",
      ]);
      writeFileSync(join(site, "catalog.toml"), `format = 1\n${box.stdout}kernel = "k"\n${kernel.stdout}`);
      const lines = [
        "openssl ecparam -name prime256v1 -genkey -noout -out catalog.key",
        "openssl ec -in catalog.key -pubout -out catalog.pub",
        "openssl dgst -sha256 -sign catalog.key catalog.toml | base64 -w0 > catalog.toml.sig",
      ];
      expect(Bun.spawnSync(["sh", "-ec", lines.join("\n")], { cwd: site }).exitCode).toBe(0);
      const fresh = new Home("frsh");
      try {
        mkdirSync(join(fresh.folder, "k/banger"), { recursive: true });
        writeFileSync(join(fresh.folder, "k/banger/cat.pub"), readFileSync(join(site, "catalog.pub")));
        const config = `catalog_urls = [{ url = "file://${site}/catalog.toml", key = "cat.pub" }]\n`;
        writeFileSync(join(fresh.folder, "k/banger/config.toml"), config);
        const run = ["vm", "run", "--rm", "--image", "box", "--memory", "256M", "--wait", "agent", "--"];
        const done = await fresh.ok([...run, "/bin/busybox", "uname", "-r"], { timeoutMs: 240_000 });
        const [known] = await publisher().json<{ release: string; digest: string }[]>(["kernel", "ls"]);
        expect(done.stdout).toBe(`${known?.release}\n`);
        expect(done.stderr).toContain("kernel k");
        expect(await fresh.json<object[]>(["kernel", "ls"])).toMatchObject([{ name: "k", digest: known?.digest }]);
      } finally {
        await fresh.close();
      }
    },
    300_000,
  );
});

async function busybox(): Promise<Uint8Array> {
  const tiny = await tinyArtifacts();
  return withUnion(tiny.paths, tiny.image.layers, async (union) => {
    const found = await union.resolve("bin/busybox");
    const chunks: Uint8Array[] = [];
    if (found) for await (const chunk of union.content(found.node)) chunks.push(chunk.slice());
    return new Uint8Array(Buffer.concat(chunks));
  });
}
