/** Images and kernels whose files are missing or damaged: where this is reported, and how they are repaired. */
import { expect, test } from "bun:test";
import { fail } from "../base/errors/error.ts";
import { digestOf, imageRecord, kernelRecord } from "../store/testing/records.ts";
import { depsOf, recorder, startDaemon } from "./testing/daemon.ts";
import { request, saving, services, setUp } from "./testing/saving.ts";
import { assertTruth } from "./testing/truth.ts";

const image = fail("IMAGE_DAMAGED", { name: "debian-bookworm", file: "/c/l", problem: "is missing", next: "do it" });
const kernel = fail("KERNEL_DAMAGED", { name: "debian-bookworm-cloud", problem: "/c/k is missing" });
const { emit, signal } = recorder();
const pull = (name: string) => ({ name, credential: null, insecure: false });

async function damaged(...what: [string, Error][]) {
  const host = saving();
  for (const [check, error] of what) host.world.failing.set(check, error);
  return { host, machines: await startDaemon(host) };
}

test("list and show report the damage that is cheap to detect", async () => {
  const { machines } = await damaged(["checkImage", image], ["checkKernel", kernel]);
  const problem = { message: image.message, hint: "do it" };
  expect((await machines.images())[0]?.problem).toEqual(problem);
  expect((await machines.showImage("debian-bookworm", false)).problem).toEqual(problem);
  expect((await machines.kernels())[0]?.problem?.message).toContain("/c/k is missing");
  expect((await machines.showKernel("debian-bookworm-cloud", false)).problem?.hint).toContain("banger kernel pull");
});

test("damage that is found only by reading all of it is reported on request", async () => {
  const { machines } = await damaged(["verifyImage", image], ["verifyKernel", kernel]);
  expect([(await machines.images())[0]?.problem, (await machines.kernels())[0]?.problem]).toEqual([null, null]);
  expect((await machines.showImage("debian-bookworm", true)).problem?.message).toBe(image.message);
  expect((await machines.showKernel("debian-bookworm-cloud", true)).problem?.message).toBe(kernel.message);
});

test("a damaged image or kernel is not exported, and the reason is reported before anything is sent", async () => {
  const { machines } = await damaged(["checkImage", image], ["checkKernel", kernel]);
  const use = () => Promise.reject(new Error("began to send"));
  await expect(machines.exportImage("debian-bookworm", signal, use)).rejects.toMatchObject({ code: "IMAGE_DAMAGED" });
  const rootfs = machines.exportRootfs("debian-bookworm", "rootfs", signal, use);
  await expect(rootfs).rejects.toMatchObject({ code: "IMAGE_DAMAGED" });
  const exported = machines.exportKernel("debian-bookworm-cloud", signal, use);
  await expect(exported).rejects.toMatchObject({ code: "KERNEL_DAMAGED" });
});

test("pulling an image that has a recipe makes it again; one that has none is reported as damaged", async () => {
  const { host, machines } = await damaged(["verifyImage", image]);
  machines.tagImage("debian-bookworm", "mine");
  const again = { code: "IMAGE_NOT_FOUND", details: { recipe: "debian-bookworm" } };
  await expect(machines.pullImage(pull("debian-bookworm"), emit, signal)).rejects.toMatchObject(again);
  for (const name of ["mine", imageRecord().digest])
    await expect(machines.pullImage(pull(name), emit, signal)).rejects.toMatchObject({ code: "IMAGE_DAMAGED" });
  host.world.failing.clear();
  expect((await machines.pullImage(pull("debian-bookworm"), emit, signal)).digest).toBe(imageRecord().digest);
});

test("a bundle that is present but damaged is pulled again, also a kernel's", async () => {
  const host = saving();
  const { world } = host;
  const bundle = { url: "https://c.example/b/", digest: digestOf("8"), size: 1 };
  const entry = { description: "", catalog: null, kernel: null, from: { bundle } };
  world.catalog.push(
    { ...entry, kind: "image", name: "tools" as never },
    { ...entry, kind: "kernel", name: "own" as never },
  );
  const machines = await startDaemon(host);
  let pulled = 0;
  world.onFailure = () => pulled++;
  for (const check of ["pullImageBundle", "pullKernelBundle"]) world.failing.set(check, new Error("asked"));
  const both = () =>
    Promise.allSettled([machines.pullImage(pull("tools"), emit, signal), machines.pullKernel("own", emit, signal)]);
  await both();
  expect(pulled).toBe(2);
  world.failing.clear();
  await both();
  world.failing.set("verifyImage", image).set("verifyKernel", kernel);
  for (const check of ["pullImageBundle", "pullKernelBundle"]) world.failing.set(check, new Error("asked"));
  pulled = 0;
  await both();
  // each was looked at, and then asked for
  expect(pulled).toBe(4);
  await machines.idle();
});

test.each([
  ["verifyImage", image],
  ["verifyKernel", kernel],
])("a boot reads what it boots: a failing %s stops it, and once that passes it boots", async (check, error) => {
  const { host, world, machines, run } = await setUp();
  world.failing.set(check, error);
  await expect(machines.create(request("one"), services, emit, signal)).rejects.toMatchObject({
    code: (error as typeof image).code,
  });
  expect(machines.all()).toEqual([]);
  await expect(machines.create(request("one"), { ...services, cold: true }, emit, signal)).rejects.toMatchObject({
    code: (error as typeof image).code,
  });
  expect([machines.all(), world.living()]).toEqual([[], []]);
  world.failing.clear();
  expect((await run("two")).startedHow).toMatch(/^restored from template/);
  await machines.idle();
  assertTruth(host, "damaged, then whole");
});

test("a damaged kernel does not prevent a prune", async () => {
  const host = saving();
  host.world.failing.set("initramfs", kernel);
  const kept: string[][] = [];
  const { artifacts } = depsOf(host);
  const machines = await startDaemon(host, undefined, {
    artifacts: {
      ...artifacts,
      async removeLeftovers(which) {
        kept.push([...which.kept]);
        expect(which.known.kernels).toEqual(new Set([kernelRecord().digest]));
        return { files: 0, bytes: 0 };
      },
    },
  });
  await machines.pruneImages({ all: false, dryRun: false });
  expect(kept).toEqual([[]]);
});
