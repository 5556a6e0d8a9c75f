import { expect, test } from "bun:test";
import { parseGitConfig } from "./git-config.ts";
import { cleanUrl, guestConfig } from "./guest-config.ts";

function guest(text: string, user = "", branches: string[] = ["main"]) {
  const local = parseGitConfig(text);
  const effective = parseGitConfig(`${user}\n${text}`);
  const settings = {
    local,
    effective,
    entries: [],
    sha256: false,
    promisor: null,
    outside: [],
    excludes: null,
    attributes: [],
    problems: [],
  };
  const { text: written, stripped } = guestConfig({
    settings,
    branches,
    worktree: null,
    attributesFile: null,
    excludesFile: null,
  });
  return { config: parseGitConfig(written), written, stripped };
}

const urls: [string, string | null][] = [
  ["https://u:p@h/x", "https://h/x"],
  ["git@h:x", "git@h:x"],
  ["../relative", "../relative"],
  ["ext::sh -c id", null],
  ["fd::17", null],
  ["persistent-https::x", null],
  ["-oProxyCommand=id", null],
];
for (const [url, clean] of urls) test(`cleanUrl ${url}`, () => expect(cleanUrl(url)).toBe(clean as string));

test("what git status depends on is kept, the rest is not", () => {
  const hostile =
    '[core]\nfilemode=false\neol=crlf\nfsmonitor=x\nhooksPath=y\nsshCommand=z\neditor=w\npager=p\nattributesFile=/etc/passwd\nexcludesFile=/e\nworktree=/\nbare=true\n[filter "f"]\nclean=c\n[alias]\nst=!x\n[http]\nextraHeader=secret\n[include]\npath=p\n[credential]\nhelper=h\n[gpg]\nprogram=g\n[url "x"]\ninsteadOf=y\n';
  const { config, written } = guest(hostile, "[core]\nautocrlf=input\neol=lf\nfilemode=true\n[user]\nname=me\n");
  expect(["core.filemode", "core.eol", "core.autocrlf", "core.bare"].map((key) => config.get(key))).toEqual([
    "false",
    "crlf",
    "input",
    "false",
  ]);
  expect(written).not.toMatch(
    /fsmonitor|hooks|ssh|editor|pager|attributes|excludes|worktree|filter|alias|extraHeader|include|credential|gpg|insteadOf/i,
  );
});

test("unknown values are dropped", () => {
  expect(guest('[core]\nautocrlf = "$(id)"\nfilemode=maybe\neol=x\n').written).not.toMatch(/autocrlf|filemode|eol/i);
});

test("remotes, branches and submodules", () => {
  const { config, stripped } = guest(
    '[remote "a \\"b"]\nurl=https://t@h/x\npushurl=ext::x\nfetch=+refs/heads/*:refs/remotes/a/*\nfetch=evil --upload-pack\nproxy=p\nuploadpack=u\n' +
      '[branch "main"]\nremote=a\nmerge=refs/heads/main\npushRemote=x\n[branch "other"]\nremote=a\nmerge=refs/heads/other\n' +
      '[submodule "s"]\nurl=https://t@h/s\nactive=true\nignore=dirty\nupdate=!x\n[submodule "../x"]\nurl=u\n',
  );
  expect(config.all('remote.a "b.url')).toEqual(["https://h/x"]);
  expect(config.all('remote.a "b.fetch')).toEqual(["+refs/heads/*:refs/remotes/a/*"]);
  expect(stripped).toEqual(['a "b', 'a "b']);
  expect([config.get("branch.main.remote"), config.get("branch.other.remote")] as unknown[]).toEqual(["a", undefined]);
  expect([
    config.get("submodule.s.url"),
    config.get("submodule.s.ignore"),
    config.get("submodule.s.update"),
  ] as unknown[]).toEqual(["https://h/s", "dirty", undefined]);
  expect(config.subsections("submodule")).toEqual(["s"]);
});
