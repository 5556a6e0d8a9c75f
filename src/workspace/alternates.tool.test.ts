/** Object folders outside the repository: read as git reads them, but not by git. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { parseAlternates } from "./alternates.ts";
import { checkObjects, maxAlternates, maxAlternatesFile, maxNesting } from "./objects.ts";
import { commit, git, gitTest, makeRepository, roundTrip, type TestBed, testBed } from "./testing/repository.ts";

const names = ["plain", "with space", "tab\there", 'q"uote', "new\nline", "back\\slash", "colon:", "#hash", "ü", "7"];

function escaped(path: string): string {
  return [...Buffer.from(path)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** Each name in every spelling, and lines that are almost one. */
function spellings(base: string): string[] {
  return names.flatMap((name) => {
    const path = `${base}/${name}`;
    const letters = path.replace(/[\\"]/g, "\\$&").replaceAll("\t", "\\t").replaceAll("\n", "\\n");
    return [
      path,
      `../../../${name}`,
      `"${letters}"`,
      `"${escaped(path)}"`,
      `"${path}"`,
      `"${letters}`,
      `#${path}`,
      ` ${path}`,
    ];
  });
}

/** What git itself reads from the file. */
function asGit(repo: string): string[] {
  const lines = git(repo, "count-objects", "-v").split("\n");
  return lines.flatMap((line) => (line.startsWith("alternate: ") ? parseAlternates(line.slice(11)) : [])).sort();
}

function asWe(repo: string): string[] {
  const [, ...alternates] = checkObjects(`${repo}/.git/objects`);
  return alternates.map(({ path }) => path).sort();
}

gitTest("alternates are found where git finds them, whatever their spelling", () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  for (const name of names) fs.mkdirSync(`${bed.folder}/${name}`);
  let some = 0;
  for (const line of spellings(bed.folder)) {
    fs.writeFileSync(`${repo}/.git/objects/info/alternates`, `${line}\n`);
    expect([line, asWe(repo)]).toEqual([line, asGit(repo)]);
    some += asWe(repo).length;
  }
  expect(some).toBeGreaterThan(names.length * 3);
});

/** A repository with one commit of its own, and its head. */
function secretRepository(bed: TestBed, name: string): { objects: string; head: string } {
  const repo = makeRepository(`${bed.folder}/${name}`);
  commit(repo, "secret");
  return { objects: `${repo}/.git/objects`, head: git(repo, "rev-parse", "HEAD").trim() };
}

gitTest(
  "a path with an escape that git reads in its own way is reported, and its history is the right one",
  async () => {
    using bed = testBed();
    const secret = secretRepository(bed, "x\ty");
    const repo = makeRepository(`${bed.folder}/repo`);
    fs.writeFileSync(`${repo}/.git/objects/info/alternates`, `"${bed.folder}/x\\ty/.git/objects"\n`);
    fs.writeFileSync(`${repo}/.git/refs/heads/main`, `${secret.head}\n`);
    const { plan } = await roundTrip(bed, { folder: repo });
    expect(plan.notes.map(({ text }) => text).join()).toMatch(/objects come from .*x.*y\/\.git\/objects too/);
  },
);

gitTest("git reads none of the untrusted alternates: those that are not checked are absent", async () => {
  using bed = testBed();
  const secret = secretRepository(bed, "secret");
  const repo = makeRepository(`${bed.folder}/repo`);
  const other = makeRepository(`${bed.folder}/other`);
  fs.writeFileSync(`${repo}/.git/objects/info/alternates`, `${other}/.git/objects\n`);
  fs.writeFileSync(`${repo}/.git/refs/heads/main`, `${secret.head}\n`);
  let swapped = false;
  // written between our check and git's run: git must not read it
  const exec: TestBed["deps"]["exec"] = async (argv, options) => {
    for (const store of [repo, other]) {
      fs.writeFileSync(`${store}/.git/objects/info/alternates`, `${secret.objects}\n`);
    }
    swapped = true;
    return bed.deps.exec(argv, options);
  };
  await expect(roundTrip({ ...bed, deps: { ...bed.deps, exec } }, { folder: repo })).rejects.toMatchObject({
    code: "WORKSPACE_INCOMPLETE",
  });
  expect(swapped).toBe(true);
});

/** `count` repositories, each with the next one's objects as an alternate and with a commit that the next one lacks. */
function chain(bed: TestBed, count: number): string {
  let last = makeRepository(`${bed.folder}/chain-0`);
  for (let i = 1; i <= count; i++) {
    const next = `${bed.folder}/chain-${i}`;
    git(bed.folder, "clone", "-q", "--shared", last, next);
    commit(next, `link ${i}`);
    last = next;
  }
  return last;
}

gitTest("alternates as deep as git follows them go in, one more is refused", async () => {
  using bed = testBed();
  const deepest = chain(bed, maxNesting);
  const { guest, plan } = await roundTrip(bed, { folder: deepest });
  expect(git(guest, "log", "--format=%s").trim().split("\n")).toHaveLength(maxNesting + 1);
  expect(git(guest, "fsck", "--full")).toBe("");
  expect(plan.notes.filter(({ text }) => text.includes("objects come from"))).toHaveLength(maxNesting);
  git(bed.folder, "clone", "-q", "--shared", "--no-checkout", deepest, "deeper");
  await expect(roundTrip(bed, { folder: `${bed.folder}/deeper` })).rejects.toThrow(`more than ${maxNesting} deep`);
});

gitTest("as many alternates as are allowed, and one more; a file as long as it may be, and one byte more", () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const file = `${repo}/.git/objects/info/alternates`;
  const folders = [...Array(maxAlternates + 1).keys()].map((i) => `${bed.folder}/store-${i}`);
  for (const folder of folders) fs.mkdirSync(folder);
  fs.writeFileSync(file, folders.slice(1).join("\n"));
  expect(asWe(repo)).toHaveLength(maxAlternates);
  fs.writeFileSync(file, folders.join("\n"));
  expect(() => asWe(repo)).toThrow(`more than ${maxAlternates} alternates`);
  fs.writeFileSync(file, "#".repeat(maxAlternatesFile));
  expect(asWe(repo)).toEqual([]);
  fs.writeFileSync(file, "#".repeat(maxAlternatesFile + 1));
  expect(() => asWe(repo)).toThrow(`more than ${maxAlternatesFile} bytes`);
});

gitTest("alternates in a circle, and a repository that names itself", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const other = makeRepository(`${bed.folder}/other`);
  fs.writeFileSync(`${repo}/.git/objects/info/alternates`, `${other}/.git/objects\n../objects\n`);
  fs.writeFileSync(`${other}/.git/objects/info/alternates`, `${repo}/.git/objects\n`);
  const { plan } = await roundTrip(bed, { folder: repo });
  expect(plan.notes.filter(({ text }) => text.includes("objects come from"))).toHaveLength(1);
});

const ignored: [what: string, set: (dotGit: string, secret: { objects: string; head: string }) => void][] = [
  ["info/grafts", (d, s) => fs.writeFileSync(`${d}/info/grafts`, `${headOf(d)} ${s.head}\n`)],
  [
    "refs/replace",
    (d, s) => {
      fs.mkdirSync(`${d}/refs/replace`, { recursive: true });
      fs.writeFileSync(`${d}/refs/replace/${headOf(d)}`, `${s.head}\n`);
    },
  ],
  ["http-alternates", (d, s) => fs.writeFileSync(`${d}/objects/info/http-alternates`, `${s.objects}\n`)],
];

function headOf(dotGit: string): string {
  return fs.readFileSync(`${dotGit}/refs/heads/main`, "utf8").trim();
}

for (const [what, set] of ignored) {
  gitTest(`${what} leads to no other history`, async () => {
    using bed = testBed();
    const secret = secretRepository(bed, "secret");
    const repo = makeRepository(`${bed.folder}/repo`);
    fs.mkdirSync(`${repo}/.git/info`, { recursive: true });
    set(`${repo}/.git`, secret);
    const { guest } = await roundTrip(bed, { folder: repo });
    expect(git(guest, "log", "--format=%s").trim()).toBe("first");
    expect(() => git(guest, "cat-file", "-e", secret.head)).toThrow();
  });
}

gitTest("a config that names another repository's folder as the work tree leads nowhere", async () => {
  using bed = testBed();
  const secret = secretRepository(bed, "secret");
  const repo = makeRepository(`${bed.folder}/repo`);
  fs.appendFileSync(`${repo}/.git/config`, `[core]\n\tworktree = ${secret.objects}\n`);
  await expect(roundTrip(bed, { folder: repo })).rejects.toMatchObject({ code: "WORKSPACE_REFUSED" });
});
