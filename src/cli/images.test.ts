/** `banger image …`: what is printed where, and the exit codes. */
import { afterEach, expect, test } from "bun:test";
import { fail } from "../base/errors/error.ts";
import type { ImageName } from "../base/names.ts";
import { createStore } from "../store/store.ts";
import { digestOf, imageRecord, layerRef } from "../store/testing/records.ts";
import type { CliContext } from "./context.ts";
import { type CliWorld, cliWorld } from "./testing/cli.ts";

let world: CliWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

async function fresh(): Promise<CliWorld> {
  world = await cliWorld();
  return world;
}

test("pull reports its progress, and an image of a registry has its full name", async () => {
  const { cli } = await fresh();
  expect(await cli("image pull docker.io/python:3.13")).toMatchObject({
    code: 0,
    stdout: "docker.io/library/python:3.13 4 KiB\n",
  });
  expect((await cli("image show python:3.13")).stdout).toContain("docker.io/library/python:3.13");
});

test("a password comes from stdin, and only with a username", async () => {
  const { cli } = await fresh();
  const pull = "image pull r.example/tool";
  expect(await cli(`${pull} --username me --password-stdin`, { stdin: "secret\n" })).toMatchObject({ code: 0 });
  for (const [flags, stdin, words] of [
    ["--username me", "", "--username needs --password-stdin"],
    ["--password-stdin", "x\n", "--password-stdin needs --username"],
    ["--username me --password-stdin", "", "does not contain a password of one line"],
    ["--username me --password-stdin", "two\nlines\n", "does not contain a password of one line"],
  ] as const) {
    const refused = await cli(`${pull} ${flags}`, { stdin });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(words)]);
  }
});

test("an invalid name, an unknown name and a mistyped name", async () => {
  const { cli } = await fresh();
  expect(await cli("image show UPPER")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("is not an image name"),
  });
  expect(await cli("image show r.example/tool")).toMatchObject({
    code: 3,
    stderr: expect.stringContaining("banger image pull r.example/tool:latest"),
  });
  expect((await cli("image pull debian-bookwrom")).stderr).toContain('did you mean "debian-bookworm"?');
});

test("tag, list, prune and delete", async () => {
  const { cli } = await fresh();
  await cli("image pull r.example/tool:v1");
  expect((await cli("image tag r.example/tool:v1 mine")).stdout).toMatch(/^mine is [0-9a-f]{12}\n$/);
  const { stdout } = await cli("image ls");
  expect(stdout.split("\n")[0]).toMatch(/^NAME +DIGEST +SIZE +SHARED +INIT +AGE +SOURCE$/);
  expect(stdout).toContain("mine");
  const dry = await cli("image prune --all --dry-run");
  expect([dry.code, dry.stdout, dry.stderr]).toEqual([
    0,
    expect.stringContaining("mine"),
    expect.stringContaining("nothing was removed"),
  ]);
  expect((await cli("image ls")).stdout).toContain("mine");
  expect((await cli("image delete mine")).stdout).toBe("mine is deleted\n");
  expect((await cli("image prune --all")).code).toBe(0);
  expect((await cli("image ls")).stderr).toContain("no images");
});

test("how an image is run is shown, without control characters", async () => {
  const { cli } = await fresh();
  await cli("image pull r.example/tool:v1");
  const { stdout } = await cli("image show r.example/tool:v1");
  for (const row of ["name:", "digest:", "size:", "layers:", "shell:", "used by:", "source:"])
    expect(stdout).toContain(row);
  expect(JSON.parse((await cli("image show r.example/tool:v1 --json")).stdout)).toMatchObject({
    ownBytes: 4096,
    sharedBytes: 0,
    usedBy: [],
  });
});

test("import and register send the content of the file", async () => {
  const { cli } = await fresh();
  const opened = async () => ({ tar: (async function* () {})(), source: "file tool.tar" });
  const change = (context: { openTar: unknown; openRootfs: unknown }) => {
    context.openTar = opened;
    context.openRootfs = opened;
  };
  expect(await cli(["image", "import", "/x/My Tool.tar.gz"], { change })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("my-tool"),
  });
  expect(await cli("image register box --rootfs /r", { change })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("box"),
  });
  expect(await cli("image register box --rootfs /r --kernel none-such", { change })).toMatchObject({ code: 3 });
  expect((await cli("image register box")).code).toBe(2);
});

test("a disk is read by a VM; a missing kernel is fetched first, and the disk is opened again", async () => {
  const { cli, served } = await fresh();
  await served.machines.deleteKernel("debian-bookworm-cloud");
  let opened = 0;
  const change = (context: CliContext) => {
    context.isRoot = true;
    context.openRootfs = async () => {
      opened++;
      return { tar: (async function* () {})(), source: "file d.ext4", isDisk: true };
    };
    context.fetchKernel = async (name) => ({ name, tar: (async function* () {})(), source: "a test" });
  };
  expect(await cli("image register box --rootfs d.ext4", { change })).toEqual({
    code: 0,
    stdout: "box 4 KiB\n",
    stderr:
      "warning: you are root: VMMs are confined, but run as root\n" +
      "fetching kernel debian-bookworm-cloud from Debian, once\n" +
      "reading the disk in a VM\n",
  });
  expect(opened).toBe(3);
  served.host.world.guest.diesEarly = { kind: "poweroff" };
  expect(await cli("image register box --rootfs d.ext4", { change })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(
      "error: the disk of box can't be read: last words\nhint: repair a copy of it with `e2fsck -f`, and register that\n",
    ),
  });
});

test("export reports which folders of a saved VM's image are left out", async () => {
  const { cli, served } = await fresh();
  const direct = layerRef({ digest: digestOf("7") });
  const { images } = createStore(served.host.db, () => 0);
  images.put(imageRecord({ name: "mine" as ImageName, digest: digestOf("8"), direct }));
  const change = (context: CliContext) => {
    context.saveTo = async (_path, content) => {
      for await (const chunk of content) void chunk;
    };
  };
  const lost =
    "warning: the content of /var/lib/docker, /var/lib/containerd, /var/lib/containers in mine is not exported";
  expect(await cli("image export mine x.tar", { change })).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(lost),
  });
  expect((await cli("image export debian-bookworm x.tar", { change })).stderr).not.toContain("not exported");
});

test("export does not write to a terminal", async () => {
  const { cli } = await fresh();
  expect(await cli("image export x -", { terminal: true })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("can't be written to a terminal"),
  });
});

test("ls and show report damage with what to type; with --verify it is a failure", async () => {
  const { cli, served } = await fresh();
  const { failing } = served.host.world;
  const [image, kernel] = ["debian-bookworm", "debian-bookworm-cloud"];
  expect((await cli(`image show ${image}`)).stdout).toMatch(/^state: +complete by size; --verify/m);
  expect((await cli(`image show ${image} --verify`)).stdout).toMatch(/^state: +complete, verified$/m);
  failing.set("checkImage", fail("IMAGE_DAMAGED", { name: image, file: "/c/l", problem: "is missing", next: "do it" }));
  failing.set("checkKernel", fail("KERNEL_DAMAGED", { name: kernel, problem: "/c/k is missing" }));
  const listed = await cli("image ls");
  expect([listed.code, listed.stdout]).toEqual([0, expect.stringMatching(/^debian-bookworm +[0-9a-f]{12} +damaged /m)]);
  expect(listed.stderr).toBe('warning: image "debian-bookworm" is damaged: /c/l is missing\nhint: do it\n');
  const kernels = await cli("kernel ls");
  expect(kernels.stdout).toMatch(/^debian-bookworm-cloud .* damaged /m);
  expect(kernels.stderr).toContain("hint: get it again with `banger kernel pull debian-bookworm-cloud`");
  for (const what of [`image show ${image}`, `kernel show ${kernel}`]) {
    const shown = await cli(what);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringMatching(/^state: +damaged$/m)]);
    expect(shown.stderr).toContain("is missing");
  }
  failing.clear();
  failing.set("verifyImage", fail("IMAGE_DAMAGED", { name: image, file: "/c/l", problem: "has another digest" }));
  failing.set("verifyKernel", fail("KERNEL_DAMAGED", { name: kernel, problem: "another digest" }));
  expect(await cli(`image show ${image}`)).toMatchObject({ code: 0, stderr: "" });
  for (const what of [
    `image show ${image} --verify`,
    `kernel show ${kernel} --verify`,
    `image show ${image} --verify --json`,
  ])
    expect((await cli(what)).code).toBe(1);
});
