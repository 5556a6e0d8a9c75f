/** `banger image register` of file systems: real ones, compared file by file, and malicious ones. */
import { expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { agentBinary } from "../../src/host/testing/gate.ts";
import { withUnion } from "../../src/images/open-union.ts";
import { type Line, listFolder, listUnion } from "../../src/images/testing/listing.ts";
import type { ImageView } from "../../src/model/artifact.ts";
import { pathsOf } from "../../src/model/paths.ts";
import { vmSuite } from "./harness.ts";

/** Makes a file of every kind that the current user can make; `sys.argv[1]` is the tree. */
const makeTree = `
import os, sys, struct
os.chdir(sys.argv[1]); os.umask(0o022)
def write(path, data, mode=0o644):
    with open(path, "wb") as f: f.write(data)
    os.chmod(path, mode)
for folder in ["bin", "etc", "t", "t/deep", "t/lost+found"]: os.mkdir(folder)
write("t/data", bytes(range(256)) * 4000); write("t/empty", b""); write("t/suid", b"s", 0o4755)
write("t/" + "n" * 255, b"long"); write("t/.wh.name", b"only a name"); write(b"t/\\xff\\xfe", b"not utf-8")
os.link("t/data", "t/deep/again"); os.link("t/data", "t/third")
os.symlink("../" + "z" * 180, "t/link"); os.symlink("data", "t/short"); os.mkfifo("t/fifo")
with open("t/sparse", "wb") as f: f.seek(100 << 20); f.write(b"end"); f.truncate(200 << 20)
os.setxattr("t/empty", "user.note", b"a\\x00b"); os.chmod("t/deep", 0o1777)
if os.getuid() == 0:
    os.mknod("t/null", 0o020666, os.makedev(1, 3)); os.mknod("t/block", 0o060600, os.makedev(7, 300))
    os.chown("t/data", 3000000, 100000)
    os.setxattr("t/suid", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
for name in ["t/data", "t/deep", "t/lost+found", "t"]: os.utime(name, (86400, 86400))
`;

/** An ordinary user's PATH can lack it. */
const program = (name: string) => Bun.which(name, { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` }) ?? name;

vmSuite("register", (home) => {
  const vmFolders = () => (existsSync(vms()) ? readdirSync(vms()) : []);
  const vms = () => join(home().folder, "s/banger/vms");
  const tree = () => join(home().folder, "tree");
  const disk = () => join(home().folder, "root.ext4");
  const register = (name: string, path: string) => home().banger(["image", "register", name, "--rootfs", path]);
  const mke2fs = (path: string, size: string, ...more: string[]) => {
    const made = Bun.spawnSync([program("mke2fs"), "-q", "-F", ...more, "-d", tree(), path, size]);
    expect([made.exitCode, made.stderr.toString()]).toEqual([0, ""]);
  };
  const settled = () => {
    expect([vmFolders(), readdirSync(join(home().folder, "c/banger/partial"))]).toEqual([[], []]);
    expect(
      home()
        .processes()
        .filter((item) => item.name.startsWith("qemu")),
    ).toEqual([]);
  };
  const listed = async (name: string): Promise<Line[]> => {
    const { layers } = await home().json<ImageView>(["image", "show", name]);
    const cache = join(home().folder, "c/banger");
    return withUnion(pathsOf({ state: "", cache, config: "", runtime: "" }), layers, listUnion);
  };

  test("ext4 and ext2, and every file is as it was in the folder", async () => {
    mkdirSync(tree());
    const made = Bun.spawnSync(["python3", "-c", makeTree, tree()], { stderr: "pipe" });
    expect([made.exitCode, made.stderr.toString()]).toEqual([0, ""]);
    copyFileSync(agentBinary() ?? "", join(tree(), "bin/tool"));
    chmodSync(join(tree(), "bin/tool"), 0o755);
    mke2fs(disk(), "1G", "-t", "ext4");
    const small = join(home().folder, "root.ext2");
    mke2fs(small, "300M", "-t", "ext2", "-b", "1024");
    const wanted = listFolder(tree());
    for (const [name, path] of [
      ["four", disk()],
      ["two", small],
    ] as const) {
      const done = await register(name, path);
      expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/^(four|two) [\d.]+ [KM]iB\n$/)]);
      expect(await listed(name)).toEqual(wanted);
    }
    expect(await home().json<ImageView>(["image", "show", "four"])).toMatchObject({
      source: `file ${disk()}`,
      init: "none",
    });
    settled();
  }, 300_000);

  test("an image of one boots", async () => {
    const run = [
      "vm",
      "run",
      "--rm",
      "--memory",
      "256M",
      "--wait",
      "agent",
      "--image",
      "four",
      "--",
      "/bin/tool",
      "--version",
    ];
    expect((await home().ok(run)).stdout).toMatch(/\d+\.\d+\.\d+/);
  }, 120_000);

  test("what is truncated, foreign or not a disk is refused before anything is sent", async () => {
    const file = join(home().folder, "bad.img");
    copyFileSync(disk(), file);
    truncateSync(file, 10_000_000);
    const cut = await register("bad", file);
    expect([cut.code, cut.stderr]).toEqual([
      1,
      expect.stringContaining("is cut short: its file system has 1073741824 bytes"),
    ]);
    writeFileSync(file, Buffer.concat([Buffer.from("QFI\xfb", "latin1"), Buffer.alloc(100_000)]));
    expect((await register("bad", file)).stderr).toContain("qemu-img convert -O raw");
    const head = Buffer.alloc(100_000);
    head.write("EFI PART", 512);
    writeFileSync(file, head);
    expect((await register("bad", file)).stderr).toContain("is a partitioned disk (GPT)");
    settled();
  }, 60_000);

  test("larger than an image can be: reported with the limit, and only its content counts", async () => {
    const file = join(home().folder, "k/banger/config.toml");
    mkdirSync(join(home().folder, "k/banger"), { recursive: true });
    writeFileSync(file, 'image_max_size = "1M"\n');
    const large = await register("bad", disk());
    expect([large.code, large.stderr]).toEqual([1, expect.stringContaining('image "bad" is larger than 1 MiB')]);
    writeFileSync(file, "");
    settled();
  }, 60_000);

  test("damaged where the kernel reads: an image or one line of error, and the daemon keeps serving", async () => {
    const daemon = await home().daemonPid();
    const small = join(home().folder, "small.ext4");
    mke2fs(small, "220M", "-t", "ext4");
    const whole = readFileSync(small);
    const codes: (number | null)[] = [];
    for (const damage of damages(whole.length)) {
      const bytes = Buffer.from(whole);
      damage(bytes);
      const file = join(home().folder, "bad.ext4");
      writeFileSync(file, bytes);
      const done = await register("bad", file);
      codes.push(done.code);
      if (done.code !== 0)
        expect(done.stderr).toMatch(
          /error: (the disk of bad can't be read|image "bad" (was refused|is larger)|\S+: (is|has) )/,
        );
      expect(done.stderr).not.toContain("INTERNAL");
      settled();
    }
    expect(codes).toContain(1);
    expect(await home().daemonPid()).toBe(daemon);
  }, 600_000);
});

/** The same on every run: a generator with a fixed seed. */
function* damages(size: number): Generator<(bytes: Buffer) => void> {
  let state = 12_345;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  const spray = (from: number, to: number, count: number) => (bytes: Buffer) => {
    for (let i = 0; i < count; i++) bytes[from + random(to - from)] = random(256);
  };
  // the superblock's features, then its geometry, group descriptors, inode tables and folders, everything
  yield (bytes) => void bytes.fill(0xff, 1024 + 0x5c, 1024 + 0x68);
  yield (bytes) => void bytes.writeUInt32LE(0, 1024 + 0x20);
  yield (bytes) => void bytes.fill(0xa5, 4096, 4096 + 64);
  for (const count of [200, 2000, 20_000]) yield spray(4096, Math.min(size, 40 << 20), count);
  yield spray(1024, size, 200_000);
}
