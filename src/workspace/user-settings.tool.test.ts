/** Settings outside the repository's own file also decide what is sent and what `git status` shows. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { planWorkspace } from "./plan.ts";
import { git, gitTest, makeRepository, roundTrip, type TestBed, testBed, write } from "./testing/repository.ts";

type Ignored = {
  name: string;
  set: (repo: string, bed: TestBed) => void;
  env?: (bed: TestBed) => Record<string, string>;
};

const rules = "secret\n";
const excludes = (path: string) => `[core]\n\texcludesFile = ${path}\n`;

/** Each of them makes git ignore the file `secret`. */
const ignored: Ignored[] = [
  { name: "~/.gitconfig", set: (_, { home }) => write(home, { ".gitconfig": excludes("~/rules"), rules }) },
  {
    name: "a file that ~/.gitconfig includes",
    set: (_, { home }) =>
      write(home, { ".gitconfig": "[include]\npath = d/more\n", "d/more": excludes("~/rules"), rules }),
  },
  {
    name: "a file that ~/.gitconfig includes for this folder",
    set: (_, { home }) =>
      write(home, { ".gitconfig": '[includeIf "gitdir:**/repo/"]\npath = more\n', more: excludes("~/rules"), rules }),
  },
  {
    name: "the repository's own configuration",
    set: (r, { home }) => {
      write(home, { rules });
      git(r, "config", "core.excludesFile", `${home}/rules`);
    },
  },
  {
    name: "a file that the repository's configuration includes",
    set: (r) => {
      write(r, { ".git/more": excludes(".rules"), ".rules": rules });
      git(r, "config", "include.path", "more");
    },
  },
  {
    name: "config.worktree",
    set: (r, { home }) => {
      write(home, { rules });
      git(r, "config", "extensions.worktreeConfig", "true");
      git(r, "config", "--worktree", "core.excludesFile", `${home}/rules`);
    },
  },
  {
    name: "a relative path, from the top",
    set: (r, { home }) =>
      write(home, { ".gitconfig": excludes("x/rules"), [`../${r.slice(r.lastIndexOf("/"))}/x/rules`]: rules }),
  },
  {
    name: "GIT_CONFIG_GLOBAL",
    set: (_, { folder }) => write(folder, { g: excludes(`${folder}/rules`), rules }),
    env: ({ folder }) => ({ GIT_CONFIG_GLOBAL: `${folder}/g` }),
  },
  {
    name: "GIT_CONFIG_SYSTEM",
    set: (_, { folder }) => write(folder, { s: excludes(`${folder}/rules`), rules }),
    env: ({ folder }) => ({ GIT_CONFIG_SYSTEM: `${folder}/s` }),
  },
  {
    name: "GIT_CONFIG_COUNT",
    set: (_, { folder }) => write(folder, { rules }),
    env: ({ folder }) => ({
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "core.excludesfile",
      GIT_CONFIG_VALUE_0: `${folder}/rules`,
    }),
  },
  {
    name: "GIT_CONFIG_PARAMETERS, as for an alias of git's",
    set: (_, { folder }) => write(folder, { rules }),
    env: ({ folder }) => ({ GIT_CONFIG_PARAMETERS: `'core.excludesFile'='${folder}/rules'` }),
  },
  {
    name: "a link at .git/info/exclude",
    set: (r, { home }) => {
      write(home, { rules });
      fs.mkdirSync(`${r}/.git/info`, { recursive: true });
      fs.rmSync(`${r}/.git/info/exclude`, { force: true });
      fs.symlinkSync(`${home}/rules`, `${r}/.git/info/exclude`);
    },
  },
  {
    name: "rules in another case with core.ignoreCase",
    set: (r) => {
      write(r, { ".git/info/exclude": "SECRET\n" });
      git(r, "config", "core.ignoreCase", "true");
    },
  },
];

for (const { name, set, env } of ignored) {
  gitTest(`an ignored file is not sent: ${name}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    set(repo, bed);
    write(repo, { secret: "s", "deep/secret": "s", seen: "s" });
    const deps = { ...bed.deps, env: env?.(bed) ?? {} };
    await using plan = await planWorkspace(deps, { folder: repo, includeUntracked: true });
    const sent = plan.entries.map(({ path }) => path);
    expect(sent).toContain("seen");
    expect(sent.filter((path) => path.includes("secret"))).toEqual([]);
  });
}

gitTest("each submodule has the settings of its own folder", async () => {
  using bed = testBed();
  const lib = makeRepository(`${bed.folder}/lib`);
  const repo = makeRepository(`${bed.folder}/repo`);
  git(repo, "submodule", "add", "-q", lib, "lib");
  git(repo, "commit", "-q", "-m", "lib");
  write(bed.home, {
    ".gitconfig": '[includeIf "gitdir:**/modules/lib"]\npath = more\n',
    more: excludes("~/rules"),
    rules,
  });
  write(repo, { secret: "s", "lib/secret": "s" });
  await using plan = await planWorkspace(bed.deps, { folder: repo, includeUntracked: true });
  expect(plan.entries.map(({ path }) => path).filter((path) => path.endsWith("secret"))).toEqual(["secret"]);
});

gitTest("files elsewhere that the repository's configuration names are reported", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(bed.folder, { more: `[remote "other"]\nurl = https://internal.example/x\n[core]\neol = crlf\n`, rules });
  git(repo, "config", "include.path", `${bed.folder}/more`);
  git(repo, "config", "core.excludesFile", `${bed.folder}/rules`);
  const { plan, guest } = await roundTrip(bed, { folder: repo });
  const notes = plan.notes.map(({ text }) => text).join("\n");
  expect(notes).toContain(`settings come from ${bed.folder}/more too`);
  expect(notes).toContain(`settings come from ${bed.folder}/rules too`);
  const config = fs.readFileSync(`${guest}/.git/config`, "utf8");
  expect(config).toContain("eol = ");
  expect(config).not.toContain("internal");
});

gitTest("a fifo in a configuration's place does not block anything", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  for (const name of ["a", "b"]) Bun.spawnSync(["mkfifo", `${bed.folder}/${name}`]);
  git(repo, "config", "core.excludesFile", `${bed.folder}/a`);
  git(repo, "config", "include.path", `${bed.folder}/b`);
  await using plan = await planWorkspace(bed.deps, { folder: repo, includeUntracked: true });
  expect(plan.entries.length).toBeGreaterThan(3);
});

for (const [what, files] of [
  ["damaged", { ".gitconfig": "[core\n" }],
  ["included in a circle", { ".gitconfig": "[include]\npath = .gitconfig\n" }],
] as const) {
  gitTest(`no untracked file is sent under a configuration that is ${what}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(bed.home, files);
    const asked = planWorkspace(bed.deps, { folder: repo, includeUntracked: true });
    await expect(asked).rejects.toThrow("which files are ignored is not known");
    await using plan = await planWorkspace(bed.deps, { folder: repo });
    expect(plan.notes.map(({ text }) => text).join()).toContain("is damaged");
  });
}

for (const [what, put] of [
  ["core.excludesFile", (_, { home }) => write(home, { ".gitconfig": excludes("~/rules"), "rules/x": "" })],
  [".git/info/exclude", (repo) => write(repo, { ".git/info/exclude/x": "" })],
] satisfies [what: string, put: Ignored["set"]][]) {
  gitTest(`no untracked file is sent when ${what} is a folder`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    fs.rmSync(`${repo}/.git/info`, { recursive: true });
    put(repo, bed);
    const asked = planWorkspace(bed.deps, { folder: repo, includeUntracked: true });
    await expect(asked).rejects.toThrow("which files are ignored is not known");
  });
}

const ownRules: [name: string, files: Record<string, string>][] = [
  ["the default file", { ".config/git/ignore": "*.log\n" }],
  ["core.excludesFile", { ".gitconfig": excludes("~/rules"), rules: "\ufeff# mine\n\n*.log\r\n!keep.log" }],
];
for (const [name, files] of ownRules) {
  gitTest(`files that you ignore are ignored in the guest: ${name}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(bed.home, files);
    const { guest } = await roundTrip(bed, { folder: repo });
    const file = git(guest, "config", "core.excludesFile").trim();
    expect(file).toBe("/root/repo/.git/info/user-excludes");
    write(guest, { "x.log": "", seen: "" });
    const inGuest = file.replace("/root/repo", guest);
    expect(git(guest, "-c", `core.excludesFile=${inGuest}`, "status", "--porcelain")).toBe("?? seen\n");
    expect(fs.readFileSync(inGuest, "utf8")).not.toContain("mine");
  });
}

const elsewhere: [name: string, set: Ignored["set"]][] = [
  [
    "by the repository's configuration",
    (repo, { folder }) => void git(repo, "config", "core.excludesFile", `${folder}/x`),
  ],
  [
    "by a link in the repository",
    (repo, { home }) => {
      write(home, { ".gitconfig": excludes(".rules") });
      fs.symlinkSync("../x", `${repo}/.rules`);
    },
  ],
];
for (const [name, set] of elsewhere) {
  gitTest(`a file elsewhere that is named ${name} is reported, and not sent as ignore rules`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(bed.folder, { x: "PRIVATE KEY\n" });
    set(repo, bed);
    const { guest, plan } = await roundTrip(bed, { folder: repo });
    expect(plan.notes.map(({ text }) => text).join()).toContain(`settings come from ${bed.folder}/x too`);
    expect(fs.existsSync(`${guest}/.git/info/user-excludes`)).toBe(false);
  });
}

const crlf: [name: string, files: Record<string, string>][] = [
  ["an include", { ".gitconfig": "[include]\npath = more\n", more: "[core]\nautocrlf = true\n" }],
  ["another word for true", { ".gitconfig": "[core]\nautocrlf = on\n" }],
  ["XDG", { ".config/git/config": "[core]\nautocrlf = input\n" }],
];
for (const [name, files] of crlf) {
  gitTest(`core.autocrlf goes in: ${name}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(repo, { "w.txt": "a\r\nb\r\n" });
    git(repo, "-c", "core.autocrlf=true", "add", "w.txt");
    git(repo, "commit", "-q", "-m", "w");
    write(bed.home, files);
    fs.utimesSync(`${repo}/w.txt`, 1_000_000_000, 1_000_000_000);
    const { guest } = await roundTrip(bed, { folder: repo });
    expect(git(guest, "status", "--porcelain")).toBe("");
  });
}

const filters: [name: string, files: (bed: TestBed) => Record<string, string>, says: boolean][] = [
  ["at the top", () => ({ "repo/.gitattributes": "*.bin filter=lfs -text\n" }), true],
  ["in a folder", () => ({ "repo/src/deep/.gitattributes": "*.bin filter=lfs -text\n" }), true],
  ["in .git/info", () => ({ "repo/.git/info/attributes": "*.bin filter=lfs\n" }), true],
  ["of the user, for a file that is there", () => ({ "home/.config/git/attributes": "*.md filter=x\n" }), true],
  ["of the user, for no file that is there", () => ({ "home/.config/git/attributes": "*.ipynb filter=x\n" }), false],
  [
    "of the user, by a macro and core.attributesFile",
    () => ({ "home/.gitconfig": "[core]\nattributesFile = ~/a\n", "home/a": "[attr]big filter=lfs\n/src/** big\n" }),
    true,
  ],
  ["none", () => ({ "repo/.gitattributes": "# filter=lfs\n*.bin -filter !text\n" }), false],
];
for (const [name, files, says] of filters) {
  gitTest(`filters are reported: ${name}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(bed.folder, files(bed));
    git(repo, "add", "-A");
    await using plan = await planWorkspace(bed.deps, { folder: repo });
    expect(plan.notes.some(({ text }) => text.includes("git filters"))).toBe(says);
  });
}

gitTest("the user's own attributes for line ends go in, what names programs does not", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(bed.home, { ".config/git/attributes": "*.md text eol=crlf\n*.ts filter=x diff=y\n" });
  const asUser = ["-c", `core.attributesFile=${bed.home}/.config/git/attributes`];
  write(repo, { "README.md": "hello\r\n" });
  git(repo, ...asUser, "add", "README.md");
  expect(git(repo, ...asUser, "status", "--porcelain")).toBe("");
  fs.utimesSync(`${repo}/README.md`, 1_000_000_000, 1_000_000_000);
  const { guest } = await roundTrip(bed, { folder: repo });
  const file = git(guest, "config", "core.attributesFile").trim();
  expect(file).toBe("/root/repo/.git/info/user-attributes");
  const inGuest = file.replace("/root/repo", guest);
  expect(fs.readFileSync(inGuest, "utf8")).toBe("*.md text eol=crlf\n");
  expect(git(guest, "-c", `core.attributesFile=${inGuest}`, "status", "--porcelain")).toBe("");
});

gitTest(
  "an attributes file elsewhere that the repository's configuration names is reported, and not sent",
  async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(bed.folder, { outside: "secret text\n" });
    git(repo, "config", "core.attributesFile", `${bed.folder}/outside`);
    const { guest, plan } = await roundTrip(bed, { folder: repo });
    expect(plan.notes.map(({ text }) => text).join()).toContain(`settings come from ${bed.folder}/outside too`);
    expect(fs.existsSync(`${guest}/.git/info/user-attributes`)).toBe(false);
  },
);
