/** Container images as the user runs them: from a registry, without shell or users, with many layers. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { ImageName } from "../../src/base/names.ts";
import type { TarEntry } from "../../src/formats/tar/header.ts";
import { archive, file, folder, type Member, symlink } from "../../src/formats/tar/testing/archive.ts";
import { realCage } from "../../src/host/testing/tool-cage.ts";
import { importArchive } from "../../src/images/oci/archive.ts";
import { withUnion } from "../../src/images/open-union.ts";
import { openArchive } from "../../src/images/rootfs/open.ts";
import { imageDeps } from "../../src/images/testing/image-deps.ts";
import { type Line, listUnion } from "../../src/images/testing/listing.ts";
import { type LayoutOptions, writeLayout } from "../../src/images/testing/oci-layout.ts";
import { pushLayout } from "../../src/images/testing/push.ts";
import { startRegistry, type TestRegistry } from "../../src/images/testing/registry.ts";
import type { ImageRecord } from "../../src/model/artifact.ts";
import { pathsOf } from "../../src/model/paths.ts";
import { busyboxFolder, readBusybox } from "./busybox.ts";
import { vmSuite } from "./harness.ts";

const never = new AbortController().signal;
const small = ["--memory", "256M", "--wait", "agent"];
const applets = ["sh", "ls", "cat", "id", "pwd", "env", "stat", "sha256sum", "find", "readlink", "true"];

function entry(name: string, changes: Partial<TarEntry>, content?: string): Member {
  const bytes = content === undefined ? undefined : new Uint8Array(Buffer.from(content, "latin1"));
  const plain: TarEntry = {
    name,
    kind: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: bytes?.length ?? 0,
    mtime: 1_600_000_000,
    link: "",
  };
  return { entry: { ...plain, ...changes }, ...(bytes ? { content: bytes } : {}) };
}

vmSuite("oci", (home) => {
  let registry: TestRegistry | null = null;
  let busybox: Uint8Array = new Uint8Array();

  beforeAll(async () => {
    registry = await startRegistry(join(home().folder, "registry"));
    busybox = await readBusybox();
  }, 300_000);
  afterAll(async () => registry?.stop());

  const base = () => archive(busyboxFolder(busybox, applets));

  /** Pushes into the registry. @returns the image's name */
  async function pushed(tag: string, layers: readonly Uint8Array[], options: LayoutOptions = {}): Promise<string> {
    const layout = join(home().folder, `layout-${tag}`);
    writeLayout(layout, layers, options);
    const { host } = registry as TestRegistry;
    await pushLayout(layout, { url: `http://${host}`, repository: "team/tool", tag });
    return `${host}/team/tool:${tag}`;
  }

  test("a single static program: pulled automatically, its command runs, as the user that it names", async () => {
    const config = { Entrypoint: ["/busybox"], Cmd: ["echo", "hello"], User: "4242:17" };
    const image = await pushed("scratch", [archive([file("busybox", busybox, 0o755)])], { config });
    const run = ["vm", "run", "--rm", "--image", image, ...small];
    const first = await home().ok(run);
    expect(first.stdout).toBe("hello\n");
    expect(first.stderr).toContain("pulling");
    expect((await home().ok([...run, "--", "/busybox", "id"])).stdout).toBe("uid=4242 gid=17 groups=17\n");
    expect((await home().ok([...run, "--entrypoint", "/busybox", "--", "echo", "other"])).stdout).toBe("other\n");
    expect((await home().banger([...run, "--", "/nothing"])).code).toBe(127);
  }, 120_000);

  test("an /etc that is a link stays one, and a file named like a whiteout is saved, but not exported", async () => {
    const tree = archive([folder("usr"), folder("usr/etc"), file("usr/etc/mine", "kept\n"), symlink("etc", "usr/etc")]);
    const image = await pushed("linked", [base(), tree]);
    const script = "readlink /etc; cat /etc/mine; echo named > /.wh.bin";
    const run = ["vm", "run", "--image", image, "--name", "linked", ...small, "--", "sh", "-c", script];
    expect((await home().ok(run)).stdout).toBe("usr/etc\nkept\n");
    await home().ok(["vm", "stop", "linked"]);
    await home().ok(["vm", "save", "linked", "linked-saved"]);
    const again = [
      "vm",
      "run",
      "--rm",
      "--image",
      "linked-saved",
      ...small,
      "--",
      "sh",
      "-c",
      "cat /.wh.bin /etc/mine",
    ];
    expect((await home().ok(again)).stdout).toBe("named\nkept\n");
    const archived = join(home().folder, "linked.tar");
    const refused = await home().banger(["image", "export", "linked-saved", archived]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('the name of "/.wh.bin" marks a deletion'),
    ]);
    await home().ok(["vm", "delete", "linked"]);
  }, 240_000);

  test("environment, folder, and a user by the names in the image's own files", async () => {
    const users = archive([
      folder("etc"),
      file("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1234:1235::/home/app:/bin/sh\n"),
      file("etc/group", "root:x:0:\napp:x:1235:\nextra:x:77:app\nweb:x:88:\n"),
    ]);
    const config = { User: "app", WorkingDir: "/srv/work", Env: ["PATH=/bin", "GREETING=hi there"] };
    const image = await pushed("users", [base(), users], { docker: true, platforms: ["linux/arm64"], config });
    const said = await home().ok([
      "vm",
      "run",
      "--rm",
      "--image",
      image,
      ...small,
      "--",
      "sh",
      "-c",
      "id; pwd; echo $GREETING",
    ]);
    expect(said.stdout).toBe("uid=1234(app) gid=1235(app) groups=77(extra),1235(app)\n/srv/work\nhi there\n");
    await home().ok(["vm", "run", "--name", "users", "--detach", "--image", image, ...small]);
    expect((await home().ok(["vm", "exec", "users", "--", "id", "-un"])).stdout).toBe("app\n");
    expect((await home().ok(["vm", "exec", "--user", "root:web", "users", "--", "id"])).stdout).toContain(
      "uid=0(root) gid=88(web)",
    );
    const used = await home().banger(["image", "delete", image]);
    expect([used.code, used.stderr]).toEqual([4, expect.stringContaining("is used by users")]);
    await home().ok(["vm", "delete", "users"]);
  }, 120_000);

  test("twenty layers, and every file in the guest is as in the layers", async () => {
    const tree = archive([
      folder("t"),
      entry("t/setuid", { mode: 0o4755, uid: 7, gid: 8 }, "s"),
      entry("t/big-ids", { uid: 3_000_000, gid: 100_000 }, "b"),
      entry("t/sticky", { kind: "folder", mode: 0o1777, mtime: 99 }),
      entry("t/null", { kind: "character", mode: 0o666, device: { major: 1, minor: 3 } }),
      entry("t/pipe", { kind: "fifo", mode: 0o600 }),
      entry(`t/${"long".repeat(50)}`, {}, "long"),
      entry("t/linked", {}, "two names"),
      entry("t/again", { kind: "hardlink", link: "t/linked" }),
      symlink("t/link", `../${"z".repeat(150)}`),
      entry("t/removed", {}, "r"),
      entry("t/zeros", {}, "\0".repeat(200_000)),
    ]);
    const more = Array.from({ length: 18 }, (_, i) =>
      archive([folder("t"), file(`t/from-${i}`, `layer ${i}`), ...(i === 5 ? [file("t/.wh.removed", "")] : [])]),
    );
    const layers = [base(), tree, ...more];
    const image = await pushed("many", layers);
    const script =
      "cd / && find t | while read -r name; do stat -c '%n|%f|%u:%g|%s|%Y|%h' \"$name\"; done; cd t && sha256sum -b setuid zeros from-17 linked again && readlink link";
    const said = await home().ok(["vm", "run", "--rm", "--image", image, ...small, "--", "sh", "-c", script]);
    const lines = await listed(layers, "many");
    const inGuest = said.stdout.split("\n").filter((line) => line.includes("|"));
    expect(inGuest.map((line) => line.split("|")[0]).sort()).toEqual(
      lines
        .map((line) => line.path)
        .filter((path) => /^t(\/|$)/.test(path))
        .sort(),
    );
    for (const line of inGuest) {
      const [path = "", mode = "", owner, size, mtime] = line.split("|");
      const wanted = lines.find((one) => one.path === path) as Line;
      expect([path, (Number.parseInt(mode, 16) & 0o7777).toString(8), owner, Number(mtime)]).toEqual([
        path,
        wanted.mode,
        wanted.owner,
        wanted.mtime,
      ]);
      if (wanted.kind === "file") expect(`${path} ${size}`).toBe(`${path} ${wanted.rest.split(" ")[0]}`);
    }
    for (const line of said.stdout.split("\n").filter((one) => one.includes(" *"))) {
      const [sum = "", name = ""] = line.split(" *");
      expect(lines.find((one) => one.path === `t/${name}`)?.rest).toContain(sum.slice(0, 16));
    }
    expect(said.stdout).toContain(`../${"z".repeat(150)}`);
    expect(inGuest.find((line) => line.startsWith("t/linked|"))).toEndWith("|2");
    expect((await home().json<{ layers: unknown[] }>(["image", "show", image])).layers).toHaveLength(10);
  }, 120_000);

  /** What our own conversion finds in those layers; `umoci.root.test.ts` compares it with umoci's. */
  async function listed(layers: readonly Uint8Array[], name: string): Promise<Line[]> {
    const place = join(home().folder, `here-${name}`);
    const paths = pathsOf({ state: place, cache: place, config: place, runtime: place });
    writeLayout(join(home().folder, `again-${name}`), layers);
    const stdin = (async function* () {})();
    const { tar, source } = await openArchive(join(home().folder, `again-${name}`), {
      stdin,
      uid: 0,
      cage: realCage(),
      signal: never,
    });
    const upload = { tar, source, name: "x" as ImageName, fallback: null };
    const [record] = await importArchive(imageDeps(paths), upload, () => {}, never);
    return withUnion(paths, (record as ImageRecord).layers, listUnion);
  }

  test("a folder, an archive, names and prune", async () => {
    const layout = join(home().folder, "layout-scratch");
    expect((await home().ok(["image", "import", layout, "--name", "mine"])).stdout).toContain("mine");
    await home().ok(["image", "tag", "mine", "other:v2"]);
    const [digest] = (await home().json<{ name: string; digest: string }[]>(["image", "ls"]))
      .filter(({ name }) => name === "mine")
      .map((one) => one.digest);
    for (const spelling of [digest, digest?.slice(0, 20), digest?.slice(7, 19), "other:v2"]) {
      expect((await home().json<{ digest: string }>(["image", "show", spelling as string])).digest).toBe(
        digest as string,
      );
    }
    const wrong = await home().banger(["image", "show", "mime"]);
    expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining('did you mean "mine"?')]);
    await home().ok(["image", "delete", "mine", "other:v2"]);
    const dry = await home().json<{ images: { name: string }[] }>(["image", "prune", "--all", "--dry-run"]);
    expect(dry.images.length).toBeGreaterThan(2);
    expect((await home().json<unknown[]>(["image", "ls"])).length).toBe(dry.images.length);
  }, 60_000);
});
