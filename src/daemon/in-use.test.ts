import { expect, test } from "bun:test";
import { UseList } from "./in-use.ts";

/** What would end with the daemon. */
const ending = (uses: UseList) =>
  uses
    .all()
    .filter(({ resumable }) => !resumable)
    .map(({ what }) => what);

test("a session is resumable while its relay says so, and a leased VM while its process's sessions are", () => {
  const uses = new UseList();
  const lease = uses.begin("createVm", "", 7);
  lease.describe("the leased VM", { isLease: true });
  expect(ending(uses)).toEqual(["the leased VM"]);
  const session = uses.begin("agentVm", "a", 7);
  expect(ending(uses)).toHaveLength(2);
  session.resumable(true);
  expect(ending(uses)).toEqual([]);
  const another = uses.begin("agentVm", "a", 7);
  expect(ending(uses)).toEqual(["the leased VM", 'a session in VM "a"']);
  another.end();
  session.resumable(false);
  expect(ending(uses)).toHaveLength(2);
  session.end();
  expect(ending(uses)).toEqual(["the leased VM"]);
});

test("another process's session keeps no leased VM, and a build's VM is not kept by a session", () => {
  const uses = new UseList();
  uses.begin("leaseVm", "a", 7);
  uses.begin("agentVm", "a", 8).resumable(true);
  expect(ending(uses)).toEqual(['VM "a", held by a command']);
  const build = uses.begin("createVm", "", 9);
  build.describe("the build of image x");
  uses.begin("agentVm", "b", 9).resumable(true);
  expect(ending(uses)).toEqual(['VM "a", held by a command', "the build of image x"]);
});
