/** A daemon that is killed in the middle of a pull leaves only parts, and the next daemon resumes from them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { archive, file, folder } from "../../src/formats/tar/testing/archive.ts";
import { gate } from "../../src/host/testing/gate.ts";
import { type LayoutRegistry, serveLayout } from "../../src/images/testing/layout-registry.ts";
import { writeLayout } from "../../src/images/testing/oci-layout.ts";
import { Home, programs } from "./home.ts";
import { until } from "./processes.ts";

const reason = gate("tool:sqfstar") ?? (existsSync(join(programs, "banger")) ? null : "the program is not built");

describe.skipIf(reason !== null)(reason === null ? "pulls" : `pulls [${reason}]`, () => {
  let home: Home;
  let registry: LayoutRegistry;

  beforeAll(async () => {
    home = new Home("pull");
    const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
    const layers = [
      archive([folder("bin"), file("bin/sh", random(50_000), 0o755)]),
      archive([folder("data"), file("data/large", random(60_000))]),
    ];
    writeLayout(join(home.folder, "layout"), layers);
    registry = await serveLayout(join(home.folder, "layout"));
  }, 60_000);
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await home?.close();
  }, 60_000);

  test("killed while both layers are fetched: only their parts stay, and each resumes where it was", async () => {
    const half = 20_000;
    const layers = new Set<string>();
    registry.onBlob = (digest, bytes) => {
      if (bytes.length < half) return null;
      layers.add(digest);
      return (_, response) => {
        response.writeHead(200, { "content-length": String(bytes.length) });
        response.write(bytes.subarray(0, half));
      };
    };
    const pulling = home.spawn(["image", "pull", `${registry.host}/team/tool:v1`]);
    const blobs = join(home.folder, "c/banger/blobs");
    const parts = () => (existsSync(blobs) ? readdirSync(blobs).filter((name) => name.endsWith(".part")) : []);
    await until("both parts", () => parts().filter((name) => Bun.file(join(blobs, name)).size === half).length === 2);
    await home.killDaemon();
    expect(await pulling.exited).toBe(6);
    expect(parts().toSorted()).toEqual([...layers].map((digest) => `${digest.slice(7)}.part`).toSorted());
    registry.onBlob = null;
    registry.asked.length = 0;
    expect(await home.json<unknown[]>(["image", "ls"])).toEqual([]);
    const below = (name: string) => readdirSync(join(home.folder, "c/banger", name));
    expect([below("layers"), below("partial")]).toEqual([[], []]);
    await home.ok(["image", "pull", `${registry.host}/team/tool:v1`]);
    const ranges = registry.asked.filter(({ url }) => [...layers].some((digest) => url.endsWith(digest)));
    expect(ranges.map(({ headers }) => headers.range)).toEqual([`bytes=${half}-`, `bytes=${half}-`]);
    expect(below("blobs")).toEqual([]);
    expect(below("layers")).toHaveLength(2);
  }, 60_000);
});
