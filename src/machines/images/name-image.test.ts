/** What happens to an image when its name is given to another one. */
import { expect, test } from "bun:test";
import type { ImageName } from "../../base/names.ts";
import { digestOf, imageRecord, layerRef } from "../../store/testing/records.ts";
import { depsOf, newHost, recorder, startDaemon } from "../testing/daemon.ts";

const old = imageRecord();
const stranger = imageRecord({
  digest: digestOf("a"),
  layers: [layerRef({ digest: digestOf("b") })],
  source: "file x",
});
const empty = (async function* () {})();

async function importing(record = stranger) {
  const host = newHost();
  const { events, emit, signal } = recorder();
  const artifacts = { ...depsOf(host).artifacts, importArchive: async () => [record], importImage: async () => record };
  const machines = await startDaemon(host, undefined, { artifacts });
  const notes = () => events.flatMap((event) => (event.kind === "note" ? [event.text] : []));
  const archive = () =>
    machines.importArchive({ tar: empty, source: "file x", name: null, fallback: null }, emit, signal);
  const register = () => machines.importImage({ name: record.name, tar: empty, source: "file x" }, emit, signal);
  return { host, machines, notes, archive, register };
}

test("an archive that takes an image's name reports so, and the image is kept by its digest until it is pruned", async () => {
  const { machines, notes, archive } = await importing();
  await archive();
  await machines.idle();
  expect(notes()).toEqual([
    `debian-bookworm was another image, ${old.digest}, which is kept without a name; \`banger image prune\` removes it`,
  ]);
  expect(machines.findImage("debian-bookworm").digest).toBe(stranger.digest);
  expect(machines.findImage(old.digest)).toMatchObject({ digest: old.digest, layers: old.layers });
  expect((await machines.images()).map(({ name }) => name)).toEqual(["debian-bookworm", old.digest] as ImageName[]);
  const pruned = await machines.pruneImages({ all: false, dryRun: false });
  expect(pruned.images).toEqual([{ name: old.digest as never, digest: old.digest }]);
  expect((await machines.images()).map(({ digest }) => digest)).toEqual([stranger.digest]);
});

test("an image without a name has a name again as soon as it is tagged", async () => {
  const { machines, archive } = await importing();
  await archive();
  machines.tagImage(old.digest, "older");
  expect((await machines.images()).map(({ name }) => name)).toEqual(["debian-bookworm", "older"] as ImageName[]);
});

test("the same image again reports nothing", async () => {
  const { notes, archive } = await importing(old);
  await archive();
  expect(notes()).toEqual([]);
});

test("an image with a second name keeps that name", async () => {
  const { machines, notes, archive } = await importing();
  machines.tagImage("debian-bookworm", "mine");
  await archive();
  expect(notes()).toEqual([`debian-bookworm was another image, ${old.digest}, which is still mine`]);
  expect((await machines.images()).map(({ name }) => name)).toEqual(["debian-bookworm", "mine"] as ImageName[]);
});

test("registering under a name that was in use reports so, and removes the old image", async () => {
  const { machines, notes, register } = await importing();
  await register();
  await machines.idle();
  expect(notes()).toEqual([`debian-bookworm was another image, ${old.digest}, which is removed`]);
  expect(() => machines.findImage(old.digest)).toThrow();
});

test("another image's digest is not a name", async () => {
  const { machines, register } = await importing(imageRecord({ ...stranger, name: old.digest as never }));
  await expect(register()).rejects.toMatchObject({ code: "IMAGE_NAME_INVALID" });
  expect(() => machines.tagImage("debian-bookworm", stranger.digest)).toThrow("is not an image name");
  expect(machines.findImage(old.digest).digest).toBe(old.digest);
});
