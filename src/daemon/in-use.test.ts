import { expect, test } from "bun:test";
import { UseList } from "./in-use.ts";

/** What would end with the daemon. */
const ending = (uses: UseList) =>
  uses
    .all()
    .filter(({ resumable }) => !resumable)
    .map(({ what }) => what);

test("a session is resumable while its relay says so, and a VM on hold while its process's sessions are", () => {
  const uses = new UseList();
  const hold = uses.begin("createVm", "", 7);
  hold.describe("the held VM", { isHold: true });
  expect(ending(uses)).toEqual(["the held VM"]);
  const session = uses.begin("agentVm", "a", 7);
  expect(ending(uses)).toHaveLength(2);
  session.resumable(true);
  expect(ending(uses)).toEqual([]);
  const another = uses.begin("agentVm", "a", 7);
  expect(ending(uses)).toEqual(["the held VM", 'a session in VM "a"']);
  another.end();
  session.resumable(false);
  expect(ending(uses)).toHaveLength(2);
  session.end();
  expect(ending(uses)).toEqual(["the held VM"]);
});

test("another process's session does not make a hold resumable, and a session does not make a build resumable", () => {
  const uses = new UseList();
  uses.begin("holdVm", "a", 7);
  uses.begin("agentVm", "a", 8).resumable(true);
  expect(ending(uses)).toEqual(['VM "a", held by a command']);
  const build = uses.begin("createVm", "", 9);
  build.describe("the build of image x");
  uses.begin("agentVm", "b", 9).resumable(true);
  expect(ending(uses)).toEqual(['VM "a", held by a command', "the build of image x"]);
});
