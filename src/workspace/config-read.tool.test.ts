/** Compares our reading of a whole configuration with git's: `git config --show-scope --show-origin --list -z`. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { repositoryAt } from "./locate.ts";
import { readRefs } from "./refs.ts";
import { readSettings } from "./settings.ts";
import { git, gitTest, makeRepository, type TestBed, testBed, write } from "./testing/repository.ts";

type Env = Record<string, string>;
type Row = {
  name: string;
  /** content of `~/.gitconfig` */
  user?: string;
  /** appended to `.git/config` */
  local?: string;
  /** files below the test's folder: `home/…`, `repo/…` */
  files?: Record<string, string>;
  env?: (bed: TestBed) => Env;
  set?: (repo: string, bed: TestBed) => void;
  /** the folder to compare in, below the test's; default `repo` */
  at?: string;
};

const included = "[x]\n\tincluded = yes\n";
const more = { "home/more": included };
const when = (condition: string) => `[includeIf "${condition}"]\n\tpath = more\n[x]\n\tafter = 1\n`;

/** True and false conditions: git decides which. */
const conditions = [
  "gitdir:~/",
  "gitdir:/nowhere/",
  "gitdir:repo/",
  "gitdir:repo/.git",
  "gitdir:repo",
  "gitdir:REPO/",
  "gitdir/i:REPO/",
  "gitdir/i:**/Repo/.GIT",
  "gitdir:**/repo/**",
  "gitdir:*/repo/**",
  "gitdir:re?o/",
  "gitdir:r[a-e]po/",
  "gitdir:r[!a-e]po/",
  "gitdir:./",
  "gitdir:../repo/",
  "gitdir:",
  "gitdir",
  "onbranch:main",
  "onbranch:MAIN",
  "onbranch:ma*",
  "onbranch:main/",
  "onbranch:**",
  "onbranch:refs/heads/main",
  "hasconfig:remote.*.url:https://example.com/**",
  "hasconfig:remote.*.url:https://example.com/*",
  "hasconfig:remote.*.url:**/x.git",
  "hasconfig:remote.*.url:ssh://**",
  "hasconfig:remote.origin.url:**",
  "hasconfig:user.name:**",
  "unknown:x",
  "",
];

const rows: Row[] = [
  { name: "nothing" },
  ...conditions.map((condition) => ({
    name: `includeIf "${condition}" of the user`,
    user: when(condition),
    local: '[remote "origin"]\n\turl = https://example.com/a/x.git\n',
    files: more,
  })),
  ...["gitdir:./", "gitdir:repo/", "onbranch:main", "hasconfig:remote.*.url:https://**"].map((condition) => ({
    name: `includeIf "${condition}" of the repository`,
    local: `[remote "origin"]\n\turl = https://example.com/x\n${when(condition)}`,
    files: { "repo/.git/more": included },
  })),
  {
    name: "an include of the user",
    user: "[include]\n\tpath = more\n\tpath = ~/b\n\tpath = none\n",
    files: { ...more, "home/b": "[x]\nb\n" },
  },
  {
    name: "includes in includes, relative to each file",
    user: "[include]\npath=d/one\n",
    files: {
      "home/d/one": "[include]\npath=two\npath=../three\n[x]\none=1\n",
      "home/d/two": "[x]\ntwo=2\n",
      "home/three": "[x]\nthree=3\n",
    },
  },
  {
    name: "an include of the repository",
    local: "[include]\npath=more\npath=../.shared\n",
    files: { "repo/.git/more": included, "repo/.shared": "[core]\nautocrlf=true\n" },
  },
  {
    name: "XDG and home",
    user: "[x]\nhome=1\n",
    files: { "home/.config/git/config": "[x]\nxdg=1\n[include]\npath=near\n", "home/.config/git/near": included },
  },
  {
    name: "XDG_CONFIG_HOME",
    files: { "xdg/git/config": "[x]\nxdg=1\n" },
    env: ({ folder }) => ({ XDG_CONFIG_HOME: `${folder}/xdg` }),
  },
  {
    name: "GIT_CONFIG_GLOBAL",
    user: "[x]\nhome=1\n",
    files: { g: "[x]\nglobal=1\n[include]\npath=g2\n", g2: included },
    env: ({ folder }) => ({ GIT_CONFIG_GLOBAL: `${folder}/g` }),
  },
  { name: "GIT_CONFIG_GLOBAL that is empty", user: "[x]\nhome=1\n", env: () => ({ GIT_CONFIG_GLOBAL: "" }) },
  { name: "GIT_CONFIG_GLOBAL=/dev/null", user: "[x]\nhome=1\n", env: () => ({ GIT_CONFIG_GLOBAL: "/dev/null" }) },
  {
    name: "GIT_CONFIG_SYSTEM",
    files: { s: "[x]\nsystem=1\n[include]\npath=more\n", more: included },
    env: ({ folder }) => ({ GIT_CONFIG_SYSTEM: `${folder}/s`, GIT_CONFIG_NOSYSTEM: "" }),
  },
  {
    name: "GIT_CONFIG_SYSTEM with GIT_CONFIG_NOSYSTEM",
    files: { s: "[x]\nsystem=1\n" },
    env: ({ folder }) => ({ GIT_CONFIG_SYSTEM: `${folder}/s`, GIT_CONFIG_NOSYSTEM: "true" }),
  },
  {
    name: "GIT_CONFIG_COUNT",
    files: more,
    env: ({ home }) => ({
      GIT_CONFIG_COUNT: "3",
      GIT_CONFIG_KEY_0: "X.Sub.Y",
      GIT_CONFIG_VALUE_0: "1",
      GIT_CONFIG_KEY_1: "include.path",
      GIT_CONFIG_VALUE_1: `${home}/more`,
      GIT_CONFIG_KEY_2: "core.excludesFile",
      GIT_CONFIG_VALUE_2: "",
    }),
  },
  ...[
    "'x.a'='1'",
    "'x.A=1' 'X.b= 2' 'x.c'",
    "'X.Sub.Y'='it'\\''s' 'x.bang'='a'\\!'b' 'x.none'= 'x.empty'=''",
    "'x.a'='two words'  'x.a'='='",
  ].map((text) => ({
    name: `GIT_CONFIG_PARAMETERS of ${text}`,
    env: (): Env => ({
      GIT_CONFIG_PARAMETERS: text,
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "x.counted",
      GIT_CONFIG_VALUE_0: "1",
    }),
  })),
  {
    name: "a link to a configuration: includes are beside the link",
    files: { "dots/gitconfig": "[include]\npath=more\n", ...more, "dots/more": "[x]\nwrong=1\n" },
    set: (_, { home }) => fs.symlinkSync("../dots/gitconfig", `${home}/.gitconfig`),
  },
  {
    name: "a link to a configuration: gitdir:./ is where the link leads",
    files: { "repo/gitconfig": when("gitdir:./"), ...more },
    set: (_, { home }) => fs.symlinkSync("../repo/gitconfig", `${home}/.gitconfig`),
  },
  {
    name: "a folder's name with stars is not a pattern",
    at: "re*o",
    user: "",
    files: { "re*o/.git/more": included },
    set: (repo, { folder }) => {
      fs.cpSync(repo, `${folder}/re*o`, { recursive: true });
      fs.appendFileSync(`${folder}/re*o/.git/config`, when("gitdir:./"));
    },
  },
  {
    name: "a folder that is reached by a link",
    at: "link",
    user: when("gitdir:link/"),
    files: more,
    set: (repo, { folder }) => fs.symlinkSync(repo, `${folder}/link`),
  },
  {
    name: "a git directory that is a link",
    user: `${when("gitdir:elsewhere/")}${when("gitdir:repo/")}`,
    files: more,
    set: (repo, { folder }) => {
      fs.mkdirSync(`${folder}/elsewhere`);
      fs.renameSync(`${repo}/.git`, `${folder}/elsewhere/git`);
      fs.symlinkSync("../elsewhere/git", `${repo}/.git`);
      git(repo, "config", "core.worktree", repo);
    },
  },
  {
    name: "a linked worktree with its own configuration",
    at: "side",
    user: `${when("gitdir:repo/")}${when("onbranch:side")}`,
    files: more,
    set: (repo, { folder }) => {
      git(repo, "config", "extensions.worktreeConfig", "true");
      git(repo, "worktree", "add", "-q", "-b", "side", `${folder}/side`);
      git(`${folder}/side`, "config", "--worktree", "core.eol", "crlf");
    },
  },
  { name: "config.worktree that nothing turns on", files: { "repo/.git/config.worktree": "[x]\nw=1\n" } },
  {
    name: "extensions.worktreeConfig in an include",
    local: "[include]\npath=w\n",
    files: { "repo/.git/w": "[extensions]\nworktreeConfig=true\n", "repo/.git/config.worktree": "[x]\nw=1\n" },
  },
  {
    name: "a detached HEAD",
    user: `${when("onbranch:**")}`,
    files: more,
    set: (repo) => void git(repo, "checkout", "-q", "--detach"),
  },
  {
    name: "a branch with slashes",
    user: `${when("onbranch:a/")}${when("onbranch:*/c")}`,
    files: more,
    set: (repo) => void git(repo, "checkout", "-q", "-b", "a/b/c"),
  },
  {
    name: "a remote that an include names",
    user: `[include]\npath=remote\n${when("hasconfig:remote.*.url:https://in/**")}`,
    files: { ...more, "home/remote": '[remote "r"]\nurl=https://in/x\n' },
  },
  {
    name: "a HOME behind a link",
    user: "",
    files: { "home/more": included, "home/.gitconfig": when("gitdir:~/p/") },
    at: "home/p",
    set: (repo, { folder }) => fs.cpSync(repo, `${folder}/home/p`, { recursive: true }),
    env: ({ folder }) => {
      fs.symlinkSync("home", `${folder}/homelink`);
      return { HOME: `${folder}/homelink` };
    },
  },
  {
    name: "a byte order mark, quotes and comments",
    user: '\ufeff[X "A\\"b"]\r\n\tk = "a # b" ; c\r\n[include] path = "more" # here\r\n',
    files: more,
  },
];

function asGit(folder: string, env: Env): string[] {
  const args = ["git", "config", "--show-scope", "--show-origin", "--list", "-z"];
  const { stdout, exitCode, stderr } = Bun.spawnSync(args, { cwd: folder, env });
  if (exitCode !== 0) throw new Error(`git: ${stderr}`);
  const items = Buffer.from(stdout).toString("latin1").split("\0");
  const lines: string[] = [];
  for (let i = 0; i + 2 < items.length; i += 3) {
    const [scope, origin = "", pair = ""] = items.slice(i, i + 3);
    const file = origin.replace(/^file:/, "").replace(/^(?!\/|command line)/, `${fs.realpathSync(folder)}/`);
    lines.push(`${scope} ${plain(file)} ${pair.includes("\n") ? pair : `${pair}\ntrue`}`);
  }
  return lines;
}

function plain(file: string): string {
  return file.startsWith("/") ? fs.realpathSync(file) : file;
}

function asWe(folder: string, home: string, env: Env): string[] {
  const repository = repositoryAt(fs.realpathSync(folder), folder);
  if (repository === null) throw new Error(`${folder} is no repository`);
  const head = readRefs(repository).head.ref;
  const user = { home, env: { ...env, PWD: folder } };
  const settings = readSettings(repository, user, head);
  expect(settings.problems).toEqual([]);
  return settings.entries.map(
    ({ scope, file, key, value }) => `${scope} ${file === null ? "command line:" : plain(file)} ${key}\n${value}`,
  );
}

for (const { name, user, local, files, env, set, at } of rows) {
  gitTest(`settings as git reads them: ${name}`, () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    if (user) write(bed.home, { ".gitconfig": user });
    write(bed.folder, files ?? {});
    fs.appendFileSync(`${repo}/.git/config`, local ?? "");
    set?.(repo, bed);
    const folder = `${bed.folder}/${at ?? "repo"}`;
    const own: Env = { GIT_CONFIG_NOSYSTEM: "1", HOME: bed.home, ...env?.(bed) };
    const theirs = asGit(folder, { ...own, PWD: folder, PATH: process.env["PATH"] ?? "" });
    expect(asWe(folder, own["HOME"] ?? "", own)).toEqual(theirs);
  });
}
