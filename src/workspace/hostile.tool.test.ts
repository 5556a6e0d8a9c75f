/** An untrusted repository: nothing in it runs on the host, and nothing outside it is sent. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { planWorkspace } from "./plan.ts";
import { workspaceTar } from "./stream.ts";
import { git, gitTest, makeRepository, roundTrip, testBed, unpack, write } from "./testing/repository.ts";

type Trap = { name: string; set: (repo: string, canary: string) => void };

const config =
  (key: string, value: (canary: string) => string): Trap["set"] =>
  (repo, canary) => {
    fs.appendFileSync(`${repo}/.git/config`, sectionOf(key, value(canary)));
  };

function sectionOf(key: string, value: string): string {
  const [section = "", ...rest] = key.split(".");
  const name = rest.pop() ?? "";
  const quoted = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `[${section}${rest.length > 0 ? ` "${rest.join(".")}"` : ""}]\n\t${name} = "${quoted}"\n`;
}

function hook(name: string): Trap["set"] {
  return (repo, canary) => {
    fs.mkdirSync(`${repo}/.git/hooks`, { recursive: true });
    fs.writeFileSync(`${repo}/.git/hooks/${name}`, `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
  };
}

function filter(kind: string): Trap["set"] {
  return (repo, canary) => {
    config(`filter.evil.${kind}`, () => `touch ${canary}; cat`)(repo, canary);
    config("filter.evil.required", () => "true")(repo, canary);
    write(repo, { ".gitattributes": "* filter=evil diff=evil merge=evil\n", "README.md": "changed\n" });
  };
}

const touch = (canary: string) => `touch ${canary}`;
const traps: Trap[] = [
  { name: "core.fsmonitor", set: config("core.fsmonitor", touch) },
  { name: "filter.clean", set: filter("clean") },
  { name: "filter.smudge", set: filter("smudge") },
  { name: "filter.process", set: filter("process") },
  { name: "core.sshCommand", set: config("core.sshCommand", touch) },
  { name: "core.gitProxy", set: config("core.gitProxy", touch) },
  { name: "core.pager", set: config("core.pager", touch) },
  { name: "pager.ls-files", set: config("pager.ls-files", touch) },
  { name: "core.editor", set: config("core.editor", touch) },
  { name: "core.askPass", set: config("core.askPass", touch) },
  {
    name: "core.hooksPath",
    set: (r, c) => {
      config("core.hooksPath", () => `${r}/hooks`)(r, c);
      write(r, { "hooks/post-index-change": `#!/bin/sh\ntouch ${c}\n` });
      fs.chmodSync(`${r}/hooks/post-index-change`, 0o755);
    },
  },
  { name: "core.alternateRefsCommand", set: config("core.alternateRefsCommand", touch) },
  { name: "uploadpack.packObjectsHook", set: config("uploadpack.packObjectsHook", touch) },
  { name: "diff.external", set: config("diff.external", touch) },
  { name: "diff.evil.textconv", set: config("diff.evil.textconv", touch) },
  { name: "merge.evil.driver", set: config("merge.evil.driver", touch) },
  { name: "credential.helper", set: config("credential.helper", (c) => `!touch ${c}`) },
  { name: "gpg.program", set: config("gpg.program", touch) },
  {
    name: "alias",
    set: (r, c) => {
      for (const name of ["ls-files", "pack-objects", "rev-parse"]) config(`alias.${name}`, () => `!touch ${c}`)(r, c);
    },
  },
  {
    name: "include.path",
    set: (r, c) => {
      fs.writeFileSync(`${r}/.git/more`, sectionOf("core.fsmonitor", touch(c)));
      config("include.path", () => "more")(r, c);
    },
  },
  {
    name: "includeIf",
    set: (r, c) => {
      fs.writeFileSync(`${r}/.git/more`, sectionOf("core.fsmonitor", touch(c)));
      config("includeIf.gitdir:**.path", () => "more")(r, c);
    },
  },
  {
    name: "url.insteadOf",
    set: (r, c) => {
      config("url.ext::sh -c touch% X.insteadOf", () => "https://")(r, c);
      config("remote.origin.url", () => "https://example.com/x")(r, c);
    },
  },
  { name: "remote ext::", set: config("remote.origin.url", (c) => `ext::sh -c touch% ${c}`) },
  { name: "remote.uploadpack", set: config("remote.origin.uploadpack", touch) },
  {
    name: "partial clone from ext::",
    set: (r, c) => {
      config("remote.origin.url", () => `ext::sh -c touch% ${c}`)(r, c);
      config("remote.origin.promisor", () => "true")(r, c);
      config("extensions.partialClone", () => "origin")(r, c);
      config("core.repositoryformatversion", () => "1")(r, c);
      for (const tree of ["src", "bin"]) fs.rmSync(looseObject(r, git(r, "rev-parse", `HEAD:${tree}`).trim()));
    },
  },
  {
    name: "submodule ext::",
    set: (r, c) => {
      write(r, {
        ".gitmodules": `[submodule "s"]\n\tpath = s\n\turl = ext::sh -c touch% ${c}\n\tupdate = !touch ${c}\n`,
      });
      fs.mkdirSync(`${r}/s`);
      git(r, "update-index", "--add", "--cacheinfo", `160000,${git(r, "rev-parse", "HEAD").trim()},s`);
      config("submodule.s.update", () => `!touch ${c}`)(r, c);
      config("submodule.s.url", () => `ext::sh -c touch% ${c}`)(r, c);
    },
  },
  {
    name: "submodule with a hostile config",
    set: (r, c) => {
      makeRepository(`${r}/s`);
      git(r, "add", "s");
      config("core.fsmonitor", touch)(`${r}/s`, c);
    },
  },
  {
    name: "nested repository with a hostile config, untracked",
    set: (r, c) => {
      makeRepository(`${r}/s`);
      config("core.fsmonitor", touch)(`${r}/s`, c);
    },
  },
  ...[
    "post-index-change",
    "post-checkout",
    "pre-auto-gc",
    "reference-transaction",
    "fsmonitor-watchman",
    "query-watchman",
  ].map((name): Trap => ({ name: `hook ${name}`, set: hook(name) })),
  {
    name: "a program named git in the repository",
    set: (r, c) => {
      write(r, { git: `#!/bin/sh\ntouch ${c}\n` });
      fs.chmodSync(`${r}/git`, 0o755);
    },
  },
];

function looseObject(repo: string, oid: string): string {
  return `${repo}/.git/objects/${oid.slice(0, 2)}/${oid.slice(2)}`;
}

for (const { name, set } of traps) {
  gitTest(`runs nothing: ${name}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    const canary = `${bed.folder}/canary`;
    set(repo, canary);
    for (const request of [{ includeUntracked: true }, { from: "HEAD" }, { depth: 1, branch: "new" }]) {
      await using plan = await planWorkspace(bed.deps, { folder: repo, ...request });
      const guest = fs.mkdtempSync(`${bed.folder}/guest-`);
      await unpack(workspaceTar(plan), guest);
      expect(fs.existsSync(canary)).toBe(false);
      expect(fs.readFileSync(`${guest}/.git/config`, "latin1")).not.toContain("canary");
      expect(fs.existsSync(`${guest}/.git/hooks`)).toBe(false);
    }
    expect(fs.readdirSync(bed.deps.scratch)).toEqual([]);
  });
}

gitTest("the traps are real: plain git runs them", () => {
  for (const { name, set } of traps.filter((trap) =>
    ["core.fsmonitor", "filter.clean", "filter.process", "include.path"].includes(trap.name),
  )) {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    set(repo, `${bed.folder}/canary`);
    // `status` may detect a change by the size alone, without a filter; `add` reads the file
    for (const words of [["status"], ["add", "README.md"]]) {
      try {
        git(repo, ...words);
      } catch {}
    }
    expect([name, fs.existsSync(`${bed.folder}/canary`)]).toEqual([name, true]);
  }
});

gitTest("the repository is not written to", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "README.md": "x\n" });
  git(repo, "update-index", "--split-index");
  const before = snapshot(repo);
  await roundTrip(bed, { folder: repo, includeUntracked: true, depth: 1 });
  expect(snapshot(repo)).toEqual(before);
});

function snapshot(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true })
    .map(String)
    .sort()
    .map((name) => {
      const { mtimeMs, size, ino } = fs.lstatSync(`${folder}/${name}`);
      return `${name} ${mtimeMs} ${size} ${ino}`;
    });
}

gitTest("a tracked folder that is now a link leads nowhere", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(bed.folder, { "outside/a.ts": "secret", "outside/deep/b.ts": "secret" });
  fs.rmSync(`${repo}/src`, { recursive: true });
  fs.symlinkSync("../outside", `${repo}/src`);
  const { guest, plan } = await roundTrip(bed, { folder: repo });
  expect(plan.entries.map(({ path }) => path)).toEqual(["README.md", "bin", "bin/run"]);
  expect(git(guest, "status", "--porcelain")).toBe(" D src/a.ts\n D src/deep/b.ts\n");
});

gitTest("a folder swapped for a link between plan and stream is not followed", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(bed.folder, { "outside/a.ts": "secret", "outside/deep/b.ts": "secret" });
  await using plan = await planWorkspace(bed.deps, { folder: repo });
  fs.renameSync(`${repo}/src`, `${repo}/before`);
  fs.symlinkSync("../outside", `${repo}/src`);
  const vanished: string[] = [];
  const guest = fs.mkdtempSync(`${bed.folder}/guest-`);
  await unpack(workspaceTar(plan, { onVanished: (path) => vanished.push(path) }), guest);
  expect(vanished).toEqual(["src/a.ts", "src/deep/b.ts"]);
  expect(fs.readdirSync(`${guest}/src`)).toEqual(["deep"]);
});

gitTest("fifos and sockets are neither opened nor sent", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  fs.rmSync(`${repo}/README.md`);
  Bun.spawnSync(["mkfifo", `${repo}/README.md`, `${repo}/.git/info/exclude`, `${repo}/.git/refs/heads/pipe`]);
  const { plan } = await roundTrip(bed, { folder: repo, includeUntracked: true });
  expect(plan.notes).toEqual([{ level: "warn", text: "README.md: not a file, folder or link, so not sent" }]);
});

gitTest("an unreadable file is reported and left out", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  fs.chmodSync(`${repo}/README.md`, 0);
  const { plan, guest } = await roundTrip(bed, { folder: repo });
  const isRoot = process.getuid?.() === 0;
  const note = { level: "warn" as const, text: "README.md: may not be read, so not sent" };
  expect(plan.notes).toEqual(isRoot ? [] : [note]);
  expect(fs.existsSync(`${guest}/README.md`)).toBe(isRoot);
});

gitTest("links in .git are not followed", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(bed.folder, { "outside/secret": "secret" });
  fs.mkdirSync(`${repo}/.git/info`, { recursive: true });
  fs.rmSync(`${repo}/.git/info/exclude`, { force: true });
  fs.symlinkSync(`${bed.folder}/outside/secret`, `${repo}/.git/info/exclude`);
  fs.symlinkSync(`${bed.folder}/outside/secret`, `${repo}/.git/MERGE_MSG`);
  const { guest } = await roundTrip(bed, { folder: repo });
  expect(fs.existsSync(`${guest}/.git/info/exclude`)).toBe(false);
  expect(fs.existsSync(`${guest}/.git/MERGE_MSG`)).toBe(false);
});

const odd: [what: string, set: (dotGit: string, outside: string) => void, says: string][] = [
  ["its index", (d, o) => moveAndLink(`${d}/index`, o), "its index is a symbolic link"],
  ["its config", (d, o) => moveAndLink(`${d}/config`, o), "its config is a symbolic link"],
  ["its packed refs", (d, o) => fs.symlinkSync(o, `${d}/packed-refs`), "its packed-refs is a symbolic link"],
  ["a fifo for packed refs", (d) => mkfifo(`${d}/packed-refs`), "its packed-refs is not a regular file"],
  ["a pack folder elsewhere", (d, o) => moveAndLink(`${d}/objects/pack`, o), "objects/pack is a symbolic link"],
  ["a pack elsewhere", (d, o) => fs.symlinkSync(o, `${d}/objects/pack/x.idx`), "objects/pack/x.idx is a symbolic link"],
  [
    "a fifo for alternates",
    (d) => mkfifo(`${d}/objects/info/alternates`),
    "objects/info/alternates is not a regular file",
  ],
  [
    "a fifo for an index of a pack",
    (d) => mkfifo(`${d}/objects/pack/x.idx`),
    "objects/pack/x.idx is not a regular file",
  ],
];
for (const [what, set, says] of odd) {
  gitTest(`refused with a reason: ${what}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    set(`${repo}/.git`, `${bed.folder}/outside`);
    await expect(roundTrip(bed, { folder: repo })).rejects.toThrow(says);
    expect(fs.readdirSync(bed.deps.scratch)).toEqual([]);
  });
}

function moveAndLink(path: string, to: string): void {
  fs.renameSync(path, to);
  fs.symlinkSync(to, path);
}

function mkfifo(path: string): void {
  if (Bun.spawnSync(["mkfifo", path]).exitCode !== 0) throw new Error(`no fifo at ${path}`);
}

gitTest("objects of another repository are reported, and checked like its own", async () => {
  using bed = testBed();
  const other = makeRepository(`${bed.folder}/o "x"`);
  git(bed.folder, "clone", "-q", "--shared", other, "repo");
  const repo = `${bed.folder}/repo`;
  const { plan } = await roundTrip(bed, { folder: repo });
  expect(plan.notes.map(({ text }) => text).join()).toContain(`objects come from ${other}/.git/objects too`);
  mkfifo(`${other}/.git/objects/pack/x.idx`);
  await expect(roundTrip(bed, { folder: repo })).rejects.toThrow("objects/pack/x.idx is not a regular file");
});

gitTest("a cancelled plan ends what it runs", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  fs.rmSync(`${repo}/src/a.ts`);
  mkfifo(`${repo}/src/.gitignore`);
  const stop = new AbortController();
  const planning = planWorkspace(bed.deps, { folder: repo, includeUntracked: true, signal: stop.signal });
  stop.abort(new Error("given up"));
  await expect(planning).rejects.toThrow("given up");
  expect(fs.readdirSync(bed.deps.scratch)).toEqual([]);
});

gitTest("credentials in remotes stay on the host", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const urls = [
    "https://user:hunter2@example.com/a.git?token=hunter2",
    "ssh://git:hunter2@example.com:22/b.git",
    "git@example.com:c.git",
    "https://hunter2@example.com/d",
    "ext::sh -c hunter2",
  ];
  urls.forEach((url, i) => {
    git(repo, "remote", "add", `r${i}`, url);
  });
  git(repo, "config", "http.extraHeader", "Authorization: hunter2");
  git(repo, "config", "credential.https://example.com.username", "hunter2");
  git(repo, "config", "branch.main.remote", "https://x:hunter2@example.com/");
  git(repo, "config", "branch.main.merge", "refs/heads/main");
  const { guest, plan } = await roundTrip(bed, { folder: repo });
  expect(fs.readFileSync(`${guest}/.git/config`, "utf8")).not.toContain("hunter2");
  const remotes = git(guest, "remote", "-v")
    .split("\n")
    .filter((line) => line.endsWith("(fetch)"))
    .map((line) => line.split(/\s/)[1]);
  expect(remotes).toEqual([
    "https://example.com/a.git",
    "ssh://git@example.com:22/b.git",
    "git@example.com:c.git",
    "https://example.com/d",
  ]);
  expect(plan.notes.filter(({ text }) => text.includes("without its credentials")).length).toBe(4);
});

gitTest("an index that names paths outside is refused entry by entry", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(bed.folder, { outside: "secret" });
  const index = fs.readFileSync(`${repo}/.git/index`);
  const at = index.indexOf("README.md");
  index.write("../outsid", at, "latin1");
  const body = index.subarray(0, index.length - 20);
  fs.writeFileSync(`${repo}/.git/index`, Buffer.concat([body, new Bun.CryptoHasher("sha1").update(body).digest()]));
  const plan = await planWorkspace(bed.deps, { folder: repo }).catch((error) => error);
  if (plan instanceof Error) expect(plan).toHaveProperty("code", "WORKSPACE_GIT");
  else expect(plan.entries.some(({ path }: { path: string }) => path.includes(".."))).toBe(false);
});
