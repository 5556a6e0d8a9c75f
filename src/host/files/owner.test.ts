import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { isError } from "../../base/errors/error.ts";
import { tempFolder } from "../testing/temp.ts";
import { ensureOwnFolder, folderProblem, isBelowHome, ownUid, placeProblem, refuseLink } from "./owner.ts";

const folders: [uid: number, mode: number, uids: number[], allowSticky: boolean, problem: RegExp | null][] = [
  [1000, 0o700, [1000], false, null],
  [1000, 0o755, [1000], false, null],
  [1001, 0o700, [1000], false, /uid 1001, you are uid 1000/],
  [0, 0o700, [1000], false, /uid 0/],
  [0, 0o755, [1000, 0], true, null],
  [1000, 0o720, [1000], false, /mode 0720/],
  [1000, 0o702, [1000], false, /mode 0702/],
  [0, 0o1777, [1000, 0], true, null],
  [1000, 0o1777, [1000], false, /mode 1777/],
  [0, 0o777, [1000, 0], true, /mode 0777/],
];
for (const [uid, mode, uids, allowSticky, problem] of folders) {
  test(`a folder of uid ${uid}, mode ${mode.toString(8)}, for ${uids}${allowSticky ? ", sticky allowed" : ""}`, () => {
    const found = folderProblem({ uid, mode: 0o40000 | mode }, { self: 1000, uids, allowSticky });
    if (problem === null) expect(found).toBeNull();
    else expect(found).toMatch(problem);
  });
}

const places: [uid: number, mode: number, problem: RegExp | null][] = [
  [1000, 0o700, null],
  [1000, 0o775, null],
  [0, 0o755, null],
  [0, 0o1777, null],
  [0, 0o777, /everyone \(mode 0777\)/],
  [1000, 0o702, /everyone/],
  [1001, 0o700, /belongs to uid 1001/],
];
for (const [uid, mode, problem] of places) {
  test(`a place of uid ${uid}, mode ${mode.toString(8)}`, () => {
    const found = placeProblem({ uid, mode }, 1000);
    if (problem === null) expect(found).toBeNull();
    else expect(found).toMatch(problem);
  });
}

async function refusal(path: string): Promise<string> {
  const error = await ensureOwnFolder(path).catch((thrown: unknown) => thrown);
  expect(isError(error, "FOLDER_UNSAFE")).toBe(true);
  return (error as Error).message;
}

test("a folder is created with its parents, mode 0700, and used if it exists", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/a/b`;
  await ensureOwnFolder(path);
  await ensureOwnFolder(path);
  for (const made of [`${folder.path}/a`, path]) expect(fs.statSync(made).mode & 0o777).toBe(0o700);
  expect(fs.statSync(path).uid).toBe(ownUid());
});

test("nothing is created in a world-writable folder, nor below it", async () => {
  using folder = tempFolder();
  fs.chmodSync(folder.path, 0o777);
  expect(await refusal(`${folder.path}/a/b`)).toBe(
    `banger refuses to use ${folder.path}/a/b: ${folder.path} may be written to by everyone (mode 0777)`,
  );
  expect(fs.readdirSync(folder.path)).toEqual([]);
  fs.chmodSync(folder.path, 0o1777);
  await ensureOwnFolder(`${folder.path}/a`);
  fs.chmodSync(`${folder.path}/a`, 0o777);
  expect(await refusal(`${folder.path}/a`)).toContain("it may be written to by everyone");
});

test("a link to a folder is refused, a dangling one too; a folder or a missing path passes", async () => {
  using folder = tempFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  fs.mkdirSync(at("real"));
  for (const target of ["real", "nowhere"]) {
    fs.rmSync(at("link"), { force: true });
    fs.symlinkSync(at(target), at("link"));
    const error = await refuseLink(at("link")).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "FOLDER_LINKED", details: { path: at("link"), root: folder.path } });
  }
  await refuseLink(at("real"));
  await refuseLink(at("missing"));
});

test("a hint to take back ownership is given only below the user's home", () => {
  expect(isBelowHome("/home/ann/.local", "/home/ann")).toBe(true);
  for (const [place, home] of [
    ["/", "/home/ann"],
    ["/home/ann", "/home/ann"],
    ["/home", "/home/ann"],
    ["/home/ann/..", "/home/ann"],
    ["/home/annex", "/home/ann"],
    ["/usr", "/"],
    ["/usr", "//"],
    ["/usr", ""],
    ["/usr/x", "usr"],
  ] as const)
    expect([place, home, isBelowHome(place, home)]).toEqual([place, home, false]);
});

test("a place where no folder can be created is named", async () => {
  using folder = tempFolder();
  const file = `${folder.path}/file`;
  fs.writeFileSync(file, "");
  expect(await refusal(`${file}/a/b`)).toBe(`banger refuses to use ${file}/a/b: ${file} is not a folder`);
  expect(await refusal("/proc/banger/run")).toBe("banger refuses to use /proc/banger/run: /proc allows no new folders");
});
