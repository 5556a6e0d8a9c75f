/** What is exported equals what was imported, as we and skopeo read it. */

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { ImageName } from "../../base/names.ts";
import { archive, chunked, collect, file, folder, symlink } from "../../formats/tar/testing/archive.ts";
import { gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import { pathsOf } from "../../model/paths.ts";
import { importRootfs } from "../import.ts";
import { withUnion } from "../open-union.ts";
import { openArchive } from "../rootfs/open.ts";
import { imageDeps } from "../testing/image-deps.ts";
import { listUnion } from "../testing/listing.ts";
import { writeLayout } from "../testing/oci-layout.ts";
import { importArchive } from "./archive.ts";
import { exportImage } from "./export.ts";

const why = gate("tool:sqfstar") ?? gate("tool:skopeo");
const never = new AbortController().signal;

describe.skipIf(why !== null)(`export${why ? ` (${why})` : ""}`, () => {
  test("a file with a whiteout's name is refused with its path, before any output", async () => {
    using temp = tempFolder();
    const paths = pathsOf({ state: temp.path, cache: `${temp.path}/c`, config: temp.path, runtime: temp.path });
    const tar = chunked(archive([folder("d"), file("d/x", "x"), file("d/.wh.x", "y")]));
    const upload = { name: "odd" as ImageName, source: "test", tar };
    const odd = await importRootfs(imageDeps(paths), upload, () => {}, never);
    const error = await collect(exportImage(paths, odd, never)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "IMAGE_NOT_PORTABLE", message: expect.stringContaining("/d/.wh.x") });
    expect(String((error as { hint: string }).hint)).toContain("banger image bundle odd");
  });

  test("an image with whiteouts and opaque folders comes back the same; skopeo reads it", async () => {
    using temp = tempFolder();
    const layers = [
      archive([
        folder("./", 0o750),
        folder("bin"),
        file("bin/sh", "#!", 0o755),
        file("bin/gone", "x"),
        folder("old"),
        file("old/a", "a"),
      ]),
      archive([
        folder("bin"),
        file("bin/.wh.gone", ""),
        folder("old"),
        file("old/.wh..wh..opq", ""),
        file("old/b", "b"),
        symlink("l", `../${"q".repeat(120)}`),
      ]),
    ];
    writeLayout(`${temp.path}/layout`, layers, { config: { Cmd: ["sh"], Env: ["A=b"], User: "7", WorkingDir: "/w" } });
    const paths = pathsOf({ state: temp.path, cache: `${temp.path}/c`, config: temp.path, runtime: temp.path });
    const load = async (tar: AsyncIterable<Uint8Array>) => {
      const upload = { tar, source: "test", name: null, fallback: "tool" as ImageName };
      return (await importArchive(imageDeps(paths), upload, () => {}, never))[0] as ImageRecord;
    };
    const stdin = (async function* () {})();
    const first = await load(
      (await openArchive(`${temp.path}/layout`, { stdin, uid: 0, cage: realCage(), signal: never })).tar,
    );
    const exported = await collect(exportImage(paths, first, never));
    expect(readdirSync(paths.partial)).toEqual([]);
    const second = await load(chunked(exported));
    expect(second).toMatchObject({ name: "tool:latest", config: first.config });
    expect(second.layers.map((layer) => layer.root)).toEqual(first.layers.map((layer) => layer.root));
    const lines = (record: ImageRecord) => withUnion(paths, record.layers, listUnion);
    expect(await lines(second)).toEqual(await lines(first));
    expect((await lines(second)).map((line) => line.path)).toEqual(["bin", "bin/sh", "l", "old", "old/b"]);
    await Bun.write(`${temp.path}/out.tar`, exported);
    for (const form of ["docker-archive", "oci-archive"]) {
      const seen = Bun.spawnSync(["skopeo", "inspect", "--config", `${form}:${temp.path}/out.tar`]);
      expect(seen.stderr.toString()).toBe("");
      expect(JSON.parse(seen.stdout.toString())).toMatchObject({
        os: "linux",
        config: { Cmd: ["sh"], WorkingDir: "/w" },
      });
    }
  });
});
