/** Submodules: their tracked files and a working git directory of their own, also when nested. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { git, gitTest, makeRepository, roundTrip, status, testBed, write } from "./testing/repository.ts";

/** top → lib/middle → inner, each cloned from a repository beside it */
function nested(folder: string): string {
  makeRepository(`${folder}/inner`);
  makeRepository(`${folder}/middle`);
  git(`${folder}/middle`, "submodule", "add", "-q", `${folder}/inner`, "inner");
  git(`${folder}/middle`, "commit", "-q", "-m", "inner");
  const top = makeRepository(`${folder}/top`);
  git(top, "submodule", "add", "-q", "--name", "a name", `${folder}/middle`, "lib/middle");
  git(top, "submodule", "update", "-q", "--init", "--recursive");
  git(top, "commit", "-q", "-m", "middle");
  return top;
}

function statuses(repo: string): string {
  return ["", "/lib/middle", "/lib/middle/inner"].map((each) => status(repo + each)).join("---\n");
}

gitTest("clean and dirty submodules look the same in the guest", async () => {
  using bed = testBed();
  const top = nested(bed.folder);
  const clean = await roundTrip(bed, { folder: top });
  expect(statuses(clean.guest)).toBe(statuses(top));
  const recorded = (repo: string) => git(repo, "submodule", "status", "--recursive").replaceAll(/ \(.*\)/g, "");
  expect(recorded(clean.guest)).toBe(recorded(top));
  expect(clean.plan.repositories.map(({ path }) => path)).toEqual(["", "lib/middle", "lib/middle/inner"]);
  write(top, { "lib/middle/README.md": "dirty\n", "lib/middle/inner/src/a.ts": "dirty\n" });
  git(`${top}/lib/middle`, "commit", "-q", "-am", "moved on");
  const dirty = await roundTrip(bed, { folder: top });
  expect(statuses(dirty.guest)).toBe(statuses(top));
  expect(fs.readFileSync(`${dirty.guest}/lib/middle/inner/src/a.ts`, "utf8")).toBe("dirty\n");
  git(`${dirty.guest}/lib/middle/inner`, "fsck", "--strict");
});

gitTest("a submodule that is not initialised stays an empty folder", async () => {
  using bed = testBed();
  const top = nested(bed.folder);
  git(bed.folder, "clone", "-q", top, "clone");
  const { guest } = await roundTrip(bed, { folder: `${bed.folder}/clone` });
  expect(status(guest)).toBe(status(`${bed.folder}/clone`));
  expect(fs.readdirSync(`${guest}/lib/middle`)).toEqual([]);
});

gitTest("a submodule with its git directory inside, as old gits made it", async () => {
  using bed = testBed();
  const top = makeRepository(`${bed.folder}/top`);
  makeRepository(`${top}/embedded`);
  git(top, "add", "embedded");
  git(top, "commit", "-q", "-m", "embedded");
  const { guest } = await roundTrip(bed, { folder: top });
  expect(status(guest)).toBe(status(top));
  expect(status(`${guest}/embedded`)).toBe(status(`${top}/embedded`));
  expect(fs.statSync(`${guest}/embedded/.git`).isFile()).toBe(true);
});

gitTest("submodules of a worktree", async () => {
  using bed = testBed();
  const top = nested(bed.folder);
  git(top, "worktree", "add", "-q", `${bed.folder}/side`);
  git(`${bed.folder}/side`, "submodule", "update", "-q", "--init", "--recursive");
  const { guest } = await roundTrip(bed, { folder: `${bed.folder}/side` });
  expect(statuses(guest)).toBe(statuses(`${bed.folder}/side`));
});

gitTest("a submodule as the workspace itself", async () => {
  using bed = testBed();
  const top = nested(bed.folder);
  const { guest } = await roundTrip(bed, { folder: `${top}/lib/middle` });
  expect(status(guest)).toBe(status(`${top}/lib/middle`));
});

gitTest("names that would collide get folders of their own", async () => {
  using bed = testBed();
  const top = makeRepository(`${bed.folder}/top`);
  for (const name of ["one", "two", "three"]) makeRepository(`${top}/${name}`);
  git(top, "add", "one", "two", "three");
  const section = (name: string, path: string) => `[submodule "${name}"]\n\tpath = ${path}\n\turl = ./x\n`;
  write(top, {
    ".gitmodules": section("same", "one") + section("same/objects", "two") + section("../../escape", "three"),
  });
  git(top, "commit", "-q", "-m", "names");
  const { guest, plan } = await roundTrip(bed, { folder: top });
  expect(plan.repositories.length).toBe(4);
  for (const name of ["one", "two", "three"]) {
    expect(status(`${guest}/${name}`)).toBe(status(`${top}/${name}`));
    expect(fs.readFileSync(`${guest}/${name}/.git`, "utf8")).not.toContain("escape");
  }
});

gitTest("a submodule whose .git points to a repository elsewhere is left out and reported", async () => {
  using bed = testBed();
  makeRepository(`${bed.folder}/private`);
  const top = makeRepository(`${bed.folder}/top`);
  makeRepository(`${top}/sub`);
  git(top, "add", "sub");
  git(top, "commit", "-q", "-m", "sub");
  fs.rmSync(`${top}/sub/.git`, { recursive: true });
  fs.writeFileSync(`${top}/sub/.git`, `gitdir: ${bed.folder}/private/.git\n`);
  const { guest, plan } = await roundTrip(bed, { folder: top });
  expect(plan.repositories.length).toBe(1);
  expect(plan.notes.map(({ text }) => text).join()).toContain("submodule sub is not sent");
  expect(fs.readdirSync(`${guest}/sub`)).toEqual([]);
});
