/** An image of two layers with everything that is hard to preserve, and bundles of it, for tests. */

import { createHash } from "node:crypto";
import { type MadeBundle, makeBundle } from "../../artifacts/bundle/make.ts";
import { fetchDeps, type Site } from "../../artifacts/bundle/testing/site.ts";
import { archive, file, folder, type Member, symlink } from "../../formats/tar/testing/archive.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { WorkEvent } from "../../model/event.ts";
import { type Paths, pathsOf } from "../../model/paths.ts";
import { ImageBundles } from "../bundle.ts";
import { importArchive } from "../oci/archive.ts";
import { exportRootfs } from "../rootfs/export.ts";
import { openArchive } from "../rootfs/open.ts";
import { imageDeps } from "./image-deps.ts";
import { writeLayout } from "./oci-layout.ts";

const never = new AbortController().signal;
export const random = (bytes: number) =>
  new Uint8Array(createHash("shake256", { outputLength: bytes }).update("x").digest());

const hardlink = (name: string, link: string): Member => {
  const { entry } = symlink(name, link);
  return { entry: { ...entry, kind: "hardlink", mode: 0o644 } };
};
const capable = (member: Member): Member => ({
  ...member,
  entry: {
    ...member.entry,
    xattrs: new Map([["security.capability", "\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]]),
  },
});
export const marked = (member: Member): Member => ({
  ...member,
  entry: { ...member.entry, xattrs: new Map([["trusted.overlay.opaque", "y"]]) },
});
const lower = archive([
  folder("./", 0o755),
  folder("bin"),
  capable(file("bin/ping", "ping", 0o755)),
  file("bin/su", "su", 0o4755),
  file("gone", "gone"),
  folder("emptied"),
  file("emptied/old", "old"),
  file("data", random(300_000)),
]);
const upper = archive([
  file(".wh.gone", ""),
  folder("emptied"),
  file("emptied/.wh..wh..opq", ""),
  file("emptied/new", "new"),
  hardlink("data-again", "data"),
  symlink("link", "bin/ping"),
  { entry: { ...file("null", "").entry, kind: "character", device: { major: 1, minor: 3 } } },
  file(`${"long/".repeat(40)}name`, "x"),
]);

function pathsIn(path: string): Paths {
  return pathsOf({ state: path, cache: path, config: path, runtime: path });
}

export type BundleWorld = {
  /** where the image is */
  here: Paths;
  image: ImageRecord;
  /** its bundle */
  place: string;
  made: MadeBundle;
  bundled(to: string): Promise<MadeBundle>;
  /** Pulls into a place of its own. */
  puller(onDone?: (bytes: number) => void): {
    paths: Paths;
    events: WorkEvent[];
    pull(site: Site, signal?: AbortSignal): Promise<ImageRecord>;
  };
};

/** @param folder of its own */
export async function bundleWorld(at: string): Promise<BundleWorld> {
  const here = pathsIn(`${at}/here`);
  const config = { Env: ["A=1"], Cmd: ["run"], User: "app", WorkingDir: "/srv" };
  writeLayout(`${at}/layout`, [lower, upper], { config });
  const stdin = (async function* () {})();
  const { tar, source } = await openArchive(`${at}/layout`, { stdin, uid: 0, cage: realCage(), signal: never });
  const upload = { tar, source, name: "tool" as never, fallback: null };
  const image = (await importArchive(imageDeps(here), upload, () => {}, never))[0] as ImageRecord;
  const bundled = (to: string): Promise<MadeBundle> => {
    const facts = { kind: "image", created: "2026-01-01T00:00:00Z", config: image.config };
    const rootfs = exportRootfs(here, image, "rootfs", never);
    return makeBundle(to, facts, [{ part: "rootfs", tar: rootfs }], () => {}, never);
  };
  const place = `${at}/bundle`;
  let count = 0;
  const puller: BundleWorld["puller"] = (onDone = () => {}) => pullerInto(`${at}/there-${count++}`, onDone);
  return { here, image, place, made: await bundled(place), bundled, puller };
}

function pullerInto(at: string, onDone: (bytes: number) => void): ReturnType<BundleWorld["puller"]> {
  const paths = pathsIn(at);
  const events: WorkEvent[] = [];
  const emit = (event: WorkEvent) => {
    events.push(event);
    if (event.kind === "progress" && event.step === "pull") onDone(event.done ?? 0);
  };
  const bundles = new ImageBundles({ ...imageDeps(paths), ...fetchDeps(paths) });
  const pull = ({ entry }: Site, signal = never) => bundles.pull(entry, entry.from.bundle, emit, signal);
  return { paths, events, pull };
}
