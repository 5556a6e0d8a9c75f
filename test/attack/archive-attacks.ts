/** What a root file system or an image archive can hold that would reach beyond it, or fill the disk. */
import { existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { paxRecord } from "../../src/formats/tar/pax.ts";
import { archive, file, folder, type Member, symlink } from "../../src/formats/tar/testing/archive.ts";
import { encodeHeader, endOfArchive, headerBlock, padding } from "../../src/formats/tar/writer.ts";
import { writeLayout } from "../../src/images/testing/oci-layout.ts";
import type { Home } from "../e2e/home.ts";
import type { Attack, Outcome } from "./report.ts";
import { unsafeIn } from "./words.ts";

const mib = 1024 * 1024;
const plain = { uid: 0, gid: 0, mtime: 0, mode: 0o755, size: 0, link: "" };
const system: Member[] = [folder("bin"), folder("etc"), file("bin/sh", "#!/bin/sh\n", 0o755)];
const hardlink = (name: string, link: string): Member => ({ entry: { ...plain, name, kind: "hardlink", link } });

/** @param outside a folder of the user's, which nothing may be written to */
type Tree = (outside: string) => Member[];

const trees: Record<string, Tree> = {
  "climbs out by ..": (outside) => [file(`../../../../../../../../..${outside}/taken`, "x")],
  "names an absolute path": (outside) => [file(`${outside}/taken`, "x")],
  "climbs out in the middle of a name": (outside) => [file(`etc/../../../../../../../../..${outside}/taken`, "x")],
  "writes through a link to a folder outside": (outside) => [symlink("d", outside), file("d/taken", "x")],
  "replaces a folder by a link to one outside": (outside) => [folder("d"), symlink("d", outside), file("d/taken", "x")],
  "has a hard link to a file outside": (outside) => [hardlink("key", `../../../../../../../../..${outside}/id_rsa`)],
  "has a hard link to an absolute path": (outside) => [hardlink("key", `${outside}/id_rsa`)],
  "has a hard link to a link to a file outside": (outside) => [symlink("s", `${outside}/id_rsa`), hardlink("key", "s")],
  "has hard links to each other": () => [hardlink("a", "b"), hardlink("b", "a")],
  "has a file for its root": () => [file(".", "x")],
  "has names with terminal controls": () => [file("etc/\x1b[31m\x1b]0;T\x07\rerror: x", "x")],
  "has a path of 8,000 folders": () => [file(`${"d/".repeat(8000)}f`, "x")],
};

export function archiveAttacks(home: () => Home): Attack[] {
  const raw: Record<string, () => Uint8Array> = {
    "says that a file has 2^63 bytes": () => withPax("size", "9223372036854775807"),
    "says that a file has -5 bytes": () => withPax("size", "-5"),
    "hides another name in an extension": () => withPax("path", "../../../../../../tmp/taken"),
    "has a name with NUL in an extension": () => withPax("path", "a\0/../../b"),
    "says that a sparse file has 16 TiB": () => sparse(),
    "unpacks to a thousand times its size": () => new Uint8Array(gzipSync(zeros(300 * mib), { level: 9 })),
    "ends in the middle of a header": () => archive(system).subarray(0, 700),
    "is random": () => crypto.getRandomValues(new Uint8Array(65_536)),
  };
  return [
    ...Object.entries(trees).map(([name, tree]) =>
      attack(home, name, (outside) => archive([...system, ...tree(outside)])),
    ),
    ...Object.entries(raw).map(([name, make]) => attack(home, name, make)),
    layout(home, "names a blob by a path", (index) => index.replace(/sha256:[0-9a-f]{64}/, "sha256:../../../id_rsa")),
    layout(home, "has a blob that is a link to a file outside", null),
  ];
}

function attack(home: () => Home, name: string, make: (outside: string) => Uint8Array): Attack {
  const run = async (): Promise<Outcome> => {
    const outside = victim(home());
    const path = `${outside}.tar`;
    writeFileSync(path, make(outside));
    return judge(home(), outside, ["image", "register", "strange", "--rootfs", path]);
  };
  return { name, run };
}

/** @param change of `index.json`; null: a blob becomes a link */
function layout(home: () => Home, name: string, change: ((index: string) => string) | null): Attack {
  const run = async (): Promise<Outcome> => {
    const outside = victim(home());
    const path = `${outside}-layout`;
    mkdirSync(path);
    const digest = writeLayout(path, [archive(system)]);
    const { promises: fs } = await import("node:fs");
    if (change) await fs.writeFile(`${path}/index.json`, change(await fs.readFile(`${path}/index.json`, "utf8")));
    else {
      await fs.rm(`${path}/blobs/${digest.replace(":", "/")}`);
      symlinkSync(`${outside}/id_rsa`, `${path}/blobs/${digest.replace(":", "/")}`);
    }
    const outcome = await judge(home(), outside, ["image", "import", "--name", "strange", path]);
    return outcome.seen === taken ? { held: false, seen: taken } : outcome;
  };
  return { name, run };
}

const taken = "taken as an image that stays within itself";
const words = "the user's own words";

function victim(home: Home): string {
  const outside = mkdtempSync(`${home.folder}/out-`);
  writeFileSync(`${outside}/id_rsa`, words, { mode: 0o600 });
  return outside;
}

/** It may be refused, or taken for what it holds; nothing outside changes, and nothing of the user's is in it. */
async function judge(home: Home, outside: string, argv: string[]): Promise<Outcome> {
  const free = usedBytes(home);
  const ended = await home.banger(argv, { timeoutMs: 60_000 });
  const grown = usedBytes(home) - free;
  const unsafe = unsafeIn(ended.stderr);
  const exported = ended.code === 0 ? await exportedBytes(home, `${outside}.out`) : Buffer.alloc(0);
  const problems = [
    existsSync(`${outside}/taken`) || existsSync("/tmp/taken") ? "a file outside was written" : "",
    ended.code === null ? "it never came to an end" : "",
    unsafe ? `what is printed has ${unsafe}` : "",
    grown > 64 * mib ? `${Math.round(grown / mib)} MiB stay` : "",
    ended.code === 0 && !exported.includes("#!/bin/sh") ? "its export has not what the image has" : "",
    exported.includes(words) ? "a file of the user's is in the image" : "",
  ].filter(Boolean);
  const said = ended.code === 0 ? taken : errorOf(ended.stderr);
  return { held: problems.length === 0, seen: problems.join("; ") || said };
}

/** Every layer of the image, unpacked. */
async function exportedBytes(home: Home, path: string): Promise<Buffer> {
  await home.ok(["image", "export", "strange", path]);
  await home.ok(["image", "delete", "strange"]);
  const script =
    'd=$(mktemp -d) && tar -x -C "$d" -f "$1" && find "$d" -name "*.gz" -o -path "*blobs*" -type f | while read -r f; do zcat -f "$f"; done; rm -rf "$d"';
  return Buffer.from(Bun.spawnSync(["sh", "-c", script, "sh", path]).stdout);
}

function usedBytes(home: Home): number {
  return Number(
    Bun.spawnSync(["du", "-s", "-B1", `${home.folder}/c`])
      .stdout.toString()
      .split("\t")[0] ?? 0,
  );
}

function errorOf(stderr: string): string {
  const line = stderr.split("\n").find((one) => one.startsWith("error: ")) ?? "";
  return `refused: ${line.replace(/^error: (image "strange" was refused: )?/, "").slice(0, 100)}`;
}

function zeros(size: number): Uint8Array {
  const head = encodeHeader({ ...plain, name: "zeros", kind: "file", size });
  return Buffer.concat([archive(system, new Uint8Array()), head, Buffer.alloc(size), padding(size), endOfArchive]);
}

/** A file of one byte, with a pax record before it. */
function withPax(name: string, value: string): Uint8Array {
  return extended([paxRecord(name, value)], 1);
}

function sparse(): Uint8Array {
  const records = { major: "1", minor: "0", name: "sparse", realsize: String(2 ** 44) };
  return extended(
    Object.entries(records).map(([key, value]) => paxRecord(`GNU.sparse.${key}`, value)),
    512,
  );
}

function extended(records: Uint8Array[], size: number): Uint8Array {
  const body = Buffer.concat(records);
  const of = (name: string, bytes: number, flag: string) =>
    headerBlock({ ...plain, name, kind: "file", size: bytes }, flag);
  const parts = [of("pax", body.length, "x"), body, padding(body.length), of("innocent", size, "0")];
  const content = Buffer.alloc(size, "0\n");
  return Buffer.concat([archive(system, new Uint8Array()), ...parts, content, padding(size), endOfArchive]);
}
