/** Pulling from a registry on loopback, and booting from many layers. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { squashfsOptions } from "../src/artifacts/pack.ts";
import { openSquashfs } from "../src/formats/squashfs/reader.ts";
import { archive, file, folder } from "../src/formats/tar/testing/archive.ts";
import { openForRead } from "../src/host/files/random-access.ts";
import { layerTar } from "../src/images/oci/layer-tar.ts";
import { writeLayout } from "../src/images/testing/oci-layout.ts";
import { pushLayout } from "../src/images/testing/push.ts";
import { startRegistry } from "../src/images/testing/registry.ts";
import { tinyArtifacts } from "../src/images/testing/tiny.ts";
import type { LayerRef } from "../src/model/artifact.ts";
import type { Home } from "../test/e2e/home.ts";
import type { Row } from "./stats.ts";
import { say, timed } from "./timing.ts";

const mib = 1024 * 1024;

export async function images(home: Home, runs: number): Promise<Row[]> {
  const registry = await startRegistry(join(home.folder, "registry"));
  try {
    const push = async (tag: string, layers: readonly Uint8Array[]) => {
      const layout = join(home.folder, `layout-${tag}`);
      writeLayout(layout, layers);
      await pushLayout(layout, { url: `http://${registry.host}`, repository: "bench/tool", tag });
      rmSync(layout, { recursive: true });
      return `${registry.host}/bench/tool:${tag}`;
    };
    const large = await push(
      "large",
      [90, 80, 100, 70, 90, 70].map((size, at) => layerOf(at, size * mib)),
    );
    const rows = await pulls(home, large, runs);
    return [...rows, await boots(home, push, runs)];
  } finally {
    await registry.stop();
  }
}

/** Files of 64 KiB, half of it noise, as programs and libraries pack. */
function layerOf(at: number, bytes: number): Uint8Array {
  const files = Array.from({ length: bytes / (64 * 1024) }, (_, index) => {
    const content = new Uint8Array(64 * 1024);
    crypto.getRandomValues(content.subarray(0, 32 * 1024));
    for (let i = 32 * 1024; i < content.length; i++) content[i] = i & 15;
    return file(`layer${at}/file${index}`, content);
  });
  return archive([folder(`layer${at}`), ...files]);
}

async function pulls(home: Home, image: string, runs: number): Promise<Row[]> {
  const bare = { allowance: 0, floor: [] };
  const first: Row = {
    ...bare,
    what: "pull of 500 MiB in 6 layers",
    floorWhat: "skopeo copy + gzip | sqfstar",
    ours: [],
    floor: [],
    reach: { ratio: 0.8 },
  };
  const second: Row = { ...bare, what: "second pull of the same image", floorWhat: "", ours: [], reach: { ms: 100 } };
  const memory: Row = {
    ...bare,
    what: "peak memory of the daemon in the pull",
    floorWhat: "",
    unit: "MiB",
    ours: [],
    reach: { ms: 150 },
  };
  for (let run = 0; run < runs; run++) {
    first.floor.push(timedSync(() => byHand(home, image)));
    await home.ok(["daemon", "stop"]);
    // a fresh one: the peak is this pull's
    await home.ok(["image", "ls"]);
    const pid = await home.daemonPid();
    first.ours.push(await timed(() => home.ok(["image", "pull", image])));
    memory.ours.push(peakMib(pid));
    second.ours.push(await timed(() => home.ok(["image", "pull", image])));
    await home.ok(["image", "delete", image]);
    say(first);
  }
  return [first, second, memory];
}

/** What one would do without banger: fetch, then pack layer after layer. */
function byHand(home: Home, image: string): void {
  const place = join(home.folder, "by-hand");
  mkdirSync(place);
  must("skopeo", "copy", "--src-tls-verify=false", `docker://${image}`, `oci:${place}/layout:x`);
  const blobs = `${place}/layout/blobs/sha256`;
  for (const name of readdirSync(blobs)) {
    const head = readFileSync(`${blobs}/${name}`).subarray(0, 2);
    if (head[0] !== 0x1f || head[1] !== 0x8b) continue;
    must("sh", "-c", 'gzip -dc "$0" | sqfstar "$@"', `${blobs}/${name}`, ...squashfsOptions, `${place}/${name}.sqfs`);
  }
  rmSync(place, { recursive: true });
}

/** The same small system in one layer and in ten. */
async function boots(
  home: Home,
  push: (tag: string, layers: readonly Uint8Array[]) => Promise<string>,
  runs: number,
): Promise<Row> {
  const tiny = await tinyArtifacts();
  const opened = await openForRead(tiny.paths.layer((tiny.image.layers[0] as LayerRef).digest));
  const chunks: Uint8Array[] = [];
  for await (const chunk of layerTar(await openSquashfs(opened, opened.size), null)) chunks.push(chunk.slice());
  await opened.close();
  const base = new Uint8Array(Buffer.concat(chunks));
  const more = Array.from({ length: 9 }, (_, at) => archive([folder("opt"), file(`opt/${at}`, `layer ${at}`)]));
  const [one, ten] = [await push("one", [base]), await push("ten", [base, ...more])];
  for (const image of [one, ten]) await home.ok(["image", "pull", image]);
  const row: Row = {
    what: "boot from 10 layers",
    floorWhat: "from 1",
    ours: [],
    floor: [],
    allowance: 0,
    reach: { ratio: 1.1 },
  };
  const boot = (image: string) =>
    timed(() =>
      home.ok(["vm", "run", "--rm", "--cold", "--wait=agent", "--memory=256M", "--image", image, "--", "true"]),
    );
  for (let run = 0; run < 2 * runs; run++) {
    row.floor.push(await boot(one));
    row.ours.push(await boot(ten));
  }
  say(row);
  return row;
}

/** `VmHWM`: the most that was ever resident. */
function peakMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

function must(...argv: string[]): void {
  const done = Bun.spawnSync(argv, { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
}

function timedSync(work: () => void): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}
