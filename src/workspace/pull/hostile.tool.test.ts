/** What a hostile guest can send: crafted objects, names, packs. Nothing of it may change the host's repository or anything beside it. */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { git, gitTest, makeRepository, type TestBed, testBed, write } from "../testing/repository.ts";
import { applyChanges } from "./apply.ts";
import { importCommits } from "./commits.ts";
import { openHost } from "./host-repository.ts";
import { receiveLimits, receiveWork } from "./receive.ts";
import { answerOf, bytes, never, receiveFrom, type SentGuest, sendTo } from "./testing/guest.ts";
import { judgedChanges } from "./work.ts";

function gitIn(folder: string, input: string | Uint8Array, ...argv: string[]): Buffer {
  const env = {
    PATH: process.env["PATH"] ?? "",
    GIT_AUTHOR_NAME: "A",
    GIT_AUTHOR_EMAIL: "a@b",
    GIT_COMMITTER_NAME: "A",
    GIT_COMMITTER_EMAIL: "a@b",
  };
  return execFileSync("git", argv, { cwd: folder, input, env, stdio: ["pipe", "pipe", "pipe"], maxBuffer: 2 ** 28 });
}
const line = (output: Buffer) => output.toString().trim();

type Item = [mode: string, name: string | Buffer, content: string | Item[]];

/** A tree object whatever its names are: git itself would not make it. */
function treeObject(folder: string, items: readonly Item[]): string {
  const parts = items.map(([mode, name, content]) => {
    const oid =
      typeof content !== "string"
        ? treeObject(folder, content)
        : mode === "160000"
          ? content
          : line(gitIn(folder, content, "hash-object", "-w", "--stdin"));
    return Buffer.concat([
      Buffer.from(`${mode} `),
      Buffer.from(name as string),
      Buffer.from([0]),
      Buffer.from(oid, "hex"),
    ]);
  });
  return line(gitIn(folder, Buffer.concat(parts), "hash-object", "-w", "-t", "tree", "--literally", "--stdin"));
}

/** An answer whose work tree is that tree on top of the guest's HEAD. */
function answerWith(guest: string, tree: string, refs: string[] = []): [head: string, pack: Buffer] {
  const head = git(guest, "rev-parse", "HEAD").trim();
  const work = line(gitIn(guest, "", "commit-tree", "-p", head, "-m", "work", tree));
  // a list of objects, because a walk stops at some of these trees
  const all = gitIn(guest, "", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)");
  const pack = gitIn(guest, all, "pack-objects", "--stdout", "-q");
  const lines = ["banger-work 1", "format sha1", `head ${head} refs/heads/main`, `work ${work}`, ...refs];
  return [`${lines.join("\n")}\n\n`, pack];
}

/** Every file below, with content and time, and every ref. */
function everything(folder: string): string {
  return execFileSync(
    "sh",
    ["-c", 'find . -type f -print0 | sort -z | xargs -0 sha256sum; find . -printf "%p %y %m %l\\n" | sort'],
    {
      cwd: folder,
    },
  ).toString();
}

type World = { bed: TestBed; repo: string; outside: string; sent: SentGuest };

async function world(bed: TestBed): Promise<World> {
  const outside = `${bed.folder}/host`;
  const repo = makeRepository(`${outside}/repo`);
  write(outside, { "victim/file": "untouched\n" });
  return { bed, repo, outside, sent: await sendTo(bed, { folder: repo }) };
}

/** Receives and applies whatever can be applied, as a user who accepts everything. @returns what was applied or why nothing was */
async function pull({ bed, sent }: World, ...parts: (string | Uint8Array)[]): Promise<string> {
  try {
    await using pulled = await receiveFrom(bed, sent, bytes(...parts));
    const judged = await judgedChanges(pulled.received);
    const ready = judged.filter(({ verdict }) => verdict.kind === "ready");
    await applyChanges({ host: pulled.host, changes: ready, vm: "box", applied: `${bed.folder}/applied` });
    const refused = judged.filter(({ verdict }) => verdict.kind === "refused");
    return `applied ${ready.map(({ path }) => path)} refused ${refused.map(({ path }) => path)}`;
  } catch (error) {
    return String((error as { code?: string }).code ?? error);
  }
}

const evil = "x\n";
/** Trees with names that lead, or on some file system would lead, out of the work tree or into .git. */
const names: [title: string, items: Item[]][] = [
  ["..", [["40000", "..", [["100644", "x", evil]]]]],
  ["../victim", [["100644", "../victim/file", evil]]],
  [".", [["40000", ".", [["100644", "x", evil]]]]],
  ["an absolute path", [["100644", "/etc/x", evil]]],
  ["a slash in a name", [["100644", "a/b", evil]]],
  ["an empty name", [["100644", "", evil]]],
  [".git", [["40000", ".git", [["40000", "hooks", [["100755", "post-checkout", evil]]]]]]],
  [".git as a file", [["100644", ".git", "gitdir: /tmp\n"]]],
  [".GIT", [["40000", ".GIT", [["100644", "config", evil]]]]],
  [".Git below", [["40000", "a", [["40000", ".Git", [["100644", "config", evil]]]]]]],
  ["git~1", [["40000", "git~1", [["100644", "config", evil]]]]],
  ["GIT~1", [["40000", "GIT~1", [["100644", "config", evil]]]]],
  [".git with a space", [["40000", ".git ", [["100644", "config", evil]]]]],
  [".git with a dot", [["40000", ".git.", [["100644", "config", evil]]]]],
  [".git with dots and spaces", [["40000", ".git . .", [["100644", "config", evil]]]]],
  [".git as a stream", [["40000", ".git::$INDEX_ALLOCATION", [["100644", "config", evil]]]]],
  [".git with a code point that HFS+ ignores", [["40000", ".g\u200cit", [["100644", "config", evil]]]]],
  [".git with another one", [["40000", "\ufeff.git", [["100644", "config", evil]]]]],
  [".git behind a backslash", [["100644", "a\\.git\\config", evil]]],
  [".. behind a submodule", [["40000", "..", [["160000", "s", "1".repeat(40)]]]]],
  [".git as a link", [["120000", ".git", "/tmp"]]],
  [".GIT as a link", [["120000", ".GIT", "elsewhere"]]],
  ["git~2", [["40000", "git~2", [["100644", "config", evil]]]]],
  [".gitmodules as a link", [["120000", ".gitmodules", "/etc/passwd"]]],
  [
    "a link and a folder of one name",
    [
      ["120000", "d", "../victim"],
      ["40000", "d", [["100644", "file", evil]]],
    ],
  ],
  [
    "a file and a folder of one name",
    [
      ["100644", "d", evil],
      ["40000", "d", [["100644", "file", evil]]],
    ],
  ],
  [
    "one name twice",
    [
      ["100644", "d", evil],
      ["100644", "d", "y\n"],
    ],
  ],
  [
    "names out of order",
    [
      ["100644", "z", evil],
      ["100644", "a", evil],
    ],
  ],
];
for (const [title, items] of names) {
  gitTest(`a tree with ${title} writes nothing outside`, async () => {
    using bed = testBed();
    const place = await world(bed);
    const before = everything(place.outside);
    const answer = answerWith(place.sent.guest, treeObject(place.sent.guest, items));
    const result = await pull(place, ...answer);
    // git refuses the objects, or banger the path
    if (result !== "WORKSPACE_PULL_UNSAFE") expect(result).toMatch(/ refused .+$/);
    else expect(everything(place.outside)).toBe(before);
    expect(fs.readFileSync(`${place.outside}/victim/file`, "utf8")).toBe("untouched\n");
    expect(fs.readdirSync(place.outside).sort()).toEqual(["repo", "victim"]);
    expect(git(place.repo, "config", "--list", "--local")).not.toContain("evil");
    expect(fs.existsSync(`${place.repo}/.git/hooks/post-checkout`)).toBe(false);
  });
}

gitTest("modes that git does not have become those that it has, or nothing", async () => {
  using bed = testBed();
  const place = await world(bed);
  const items: Item[] = [
    ["60000", "device", evil],
    ["10000", "fifo", evil],
    ["104755", "suid", evil],
    ["100666", "writable", evil],
  ];
  await pull(place, ...answerWith(place.sent.guest, treeObject(place.sent.guest, items)));
  for (const name of fs.readdirSync(place.repo).filter((each) => each !== ".git")) {
    const { mode } = fs.lstatSync(`${place.repo}/${name}`);
    expect([name, mode & fs.constants.S_IFMT, mode & 0o7022]).toEqual([name, fs.constants.S_IFREG, 0]);
  }
});

const links: [title: string, path: string, target: string][] = [
  ["to an absolute path", "l", "/etc/passwd"],
  ["up and out", "l", "../victim/file"],
  ["out from a folder", "a/b/l", "../../../victim/file"],
  ["up after a name", "l", "src/../../victim"],
  ["into .git", "l", ".git/hooks"],
  ["into .GIT", "l", "./.GIT/config"],
  ["out through another link", "l", "m/../.."],
];
for (const [title, path, target] of links) {
  gitTest(`a link ${title} is refused`, async () => {
    using bed = testBed();
    const place = await world(bed);
    fs.mkdirSync(`${place.sent.guest}/a/b`, { recursive: true });
    fs.symlinkSync(target, `${place.sent.guest}/${path}`);
    await using pulled = await receiveFrom(bed, place.sent);
    expect((await judgedChanges(pulled.received)).map((change) => [change.path, change.verdict.kind])).toEqual([
      [path, "refused"],
    ]);
  });
}

gitTest("nothing is written through a link that is in the work tree", async () => {
  using bed = testBed();
  const place = await world(bed);
  const { guest } = place.sent;
  write(guest, { "out/file": "through\n", "src/deep/b.ts": "through\n" });
  fs.symlinkSync("../victim", `${place.repo}/out`);
  fs.rmSync(`${place.repo}/src/deep`, { recursive: true });
  fs.symlinkSync(`${place.outside}/victim`, `${place.repo}/src/deep`);
  await using pulled = await receiveFrom(bed, place.sent);
  const judged = await judgedChanges(pulled.received);
  expect(judged.map(({ verdict }) => verdict.kind)).toEqual(["conflict", "conflict"]);
  // even if they were taken for ready
  const apply = applyChanges({ host: pulled.host, changes: judged, vm: "box", applied: `${bed.folder}/applied` });
  await expect(apply).rejects.toThrow("leads through a link");
  expect(fs.readFileSync(`${place.outside}/victim/file`, "utf8")).toBe("untouched\n");
  expect(fs.readdirSync(`${place.outside}/victim`)).toEqual(["file"]);
});

const refNames = [
  "refs/heads/../../x",
  "refs/heads/-oops",
  "refs/tags/x",
  "HEAD",
  "refs/heads/a..b",
  "refs/heads/.git/x",
  "refs/heads/x.lock",
  "refs/heads/x.lock/y",
  "refs/heads/a b",
  "refs/heads/a\u0007",
  "refs/heads/@{1}",
  "refs/heads/",
  "refs/heads/a//b",
  "../../x",
  "refs/heads/HEAD",
  "refs/heads/a\\b",
];
gitTest("branch names that git does not allow are refused", async () => {
  using bed = testBed();
  const place = await world(bed);
  const before = everything(place.outside);
  const head = git(place.sent.guest, "rev-parse", "HEAD").trim();
  for (const name of refNames) {
    const answer = answerWith(place.sent.guest, `${head}^{tree}`, [`ref ${head} ${name}`]);
    expect([name, await pull(place, ...answer)]).toEqual([name, "WORKSPACE_PULL_UNSAFE"]);
  }
  expect(everything(place.outside)).toBe(before);
});

gitTest("a ref whose folder is a link is not written through it", async () => {
  using bed = testBed();
  const place = await world(bed);
  write(place.sent.guest, { f: "f" });
  git(place.sent.guest, "add", "-A");
  git(place.sent.guest, "commit", "-q", "-m", "theirs");
  fs.symlinkSync(`${place.outside}/victim`, `${place.repo}/.git/refs/banger`);
  await using pulled = await receiveFrom(bed, place.sent);
  const run = importCommits(pulled.host, pulled.received.answer, { vm: "box" });
  await expect(run).rejects.toMatchObject({ code: "WORKSPACE_PULL" });
  expect(fs.readdirSync(`${place.outside}/victim`)).toEqual(["file"]);
});

gitTest("answers that are none", async () => {
  using bed = testBed();
  const place = await world(bed);
  const before = everything(place.outside);
  const [head = "", pack = Buffer.alloc(0)] = answerWith(place.sent.guest, "HEAD^{tree}");
  const other = makeRepository(`${bed.folder}/other`);
  write(other, { more: "m" });
  git(other, "add", "-A");
  git(other, "commit", "-q", "-m", "not in the pack");
  const stranger = git(other, "rev-parse", "HEAD").trim();
  const blob = git(place.sent.guest, "rev-parse", "HEAD:README.md").trim();
  const damaged = Buffer.from(pack);
  damaged[pack.length >> 1] = (damaged[pack.length >> 1] ?? 0) ^ 0xff;
  const answers: [string, (string | Uint8Array)[]][] = [
    ["nothing", []],
    ["no head", [pack]],
    ["a head alone", [head]],
    ["half a pack", [head, pack.subarray(0, pack.length >> 1)]],
    ["a damaged pack", [head, damaged]],
    ["more than a pack", [head, pack, "more"]],
    ["another format", [head.replace("sha1", "sha256"), pack]],
    ["a commit that is not there", [head.replace(/^work .*/m, `work ${stranger}`), pack]],
    ["a branch that is a blob", [head.replace(/\n\n$/, `\nref ${blob} refs/heads/b\n\n`), pack]],
    ["an endless head", ["banger-work 1\n", ...Array.from({ length: 10 }, () => "x".repeat(1024 * 1024))]],
  ];
  for (const [title, parts] of answers)
    expect([title, await pull(place, ...parts)]).toEqual([title, "WORKSPACE_PULL_UNSAFE"]);
  expect(everything(place.outside)).toBe(before);
});

gitTest("objects that the pack should have and the host lacks", async () => {
  using bed = testBed();
  const place = await world(bed);
  const { guest } = place.sent;
  const missing = treeObject(guest, [["160000", "s", "2".repeat(40)]]);
  expect(await pull(place, ...answerWith(guest, missing))).toStartWith("applied");
  const body = `100644 x\0${"\x11".repeat(20)}`;
  const tree = line(
    gitIn(guest, Buffer.from(body, "latin1"), "hash-object", "-w", "-t", "tree", "--literally", "--stdin"),
  );
  const head = git(guest, "rev-parse", "HEAD").trim();
  const work = line(gitIn(guest, "", "commit-tree", "-p", head, "-m", "work", tree));
  const pack = gitIn(guest, `${work}\n${tree}\n`, "pack-objects", "--stdout", "-q");
  const lines = ["banger-work 1", "format sha1", `head ${head} refs/heads/main`, `work ${work}`];
  expect(await pull(place, `${lines.join("\n")}\n\n`, pack)).toBe("WORKSPACE_PULL_UNSAFE");
});

gitTest("too large a pack, too many files", async () => {
  using bed = testBed();
  const place = await world(bed);
  write(place.sent.guest, { big: "0123456789".repeat(1000), other: "o" });
  for (const limits of [
    { ...receiveLimits, packBytes: 100 },
    { ...receiveLimits, files: 4 },
  ]) {
    const host = await openHost(bed.deps, place.sent.sent, "box", never);
    try {
      const run = receiveWork(host, answerOf(place.sent.guest, host), limits);
      await expect(run).rejects.toMatchObject({ code: "WORKSPACE_PULL_UNSAFE" });
    } finally {
      await host.dispose();
    }
  }
});

gitTest("hooks, filters and settings of the host's repository do not run", async () => {
  using bed = testBed();
  const place = await world(bed);
  const { repo, sent } = place;
  const trap = `${bed.folder}/trap`;
  write(repo, {
    ".git/hooks/reference-transaction": `#!/bin/sh\ntouch ${trap}\n`,
    ".gitattributes": "* filter=trap diff=trap\n",
  });
  fs.chmodSync(`${repo}/.git/hooks/reference-transaction`, 0o755);
  for (const [key, value] of [
    ["filter.trap.smudge", `touch ${trap}`],
    ["filter.trap.clean", `touch ${trap}`],
    ["core.fsmonitor", `touch ${trap}`],
    ["diff.trap.textconv", `touch ${trap}`],
    ["core.alternateRefsCommand", `touch ${trap}`],
  ] as const)
    fs.appendFileSync(
      `${repo}/.git/config`,
      `[${key.slice(0, key.lastIndexOf("."))}]\n`.replace(/^\[(\w+)\.(\w+)\]/, '[$1 "$2"]') +
        `\t${key.slice(key.lastIndexOf(".") + 1)} = ${value}\n`,
    );
  write(sent.guest, { "README.md": "theirs\n" });
  git(sent.guest, "commit", "-q", "-am", "theirs");
  write(sent.guest, {
    "README.md": "more\n",
    ".gitmodules": '[submodule "s"]\n\tpath = s\n\turl = ssh://nowhere.invalid/x\n',
  });
  await using pulled = await receiveFrom(bed, sent);
  await importCommits(pulled.host, pulled.received.answer, { vm: "box" });
  const judged = await judgedChanges(pulled.received);
  const ready = judged.filter(({ verdict }) => verdict.kind === "ready");
  await applyChanges({ host: pulled.host, changes: ready, vm: "box", applied: `${bed.folder}/applied` });
  expect(ready.map(({ path }) => path)).toEqual([".gitmodules"]);
  expect(fs.existsSync(trap)).toBe(false);
});
