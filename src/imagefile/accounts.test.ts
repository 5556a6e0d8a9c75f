import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../base/testing/budget.ts";
import { archive, chunked, file, folder } from "../formats/tar/testing/archive.ts";
import { homeOf, idsOf, needsNames, textOfTar } from "./accounts.ts";
import { packageManagers } from "./packages.ts";

const passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1234:1235::/:\n77:x:5:6::/:\nodd\nbad:x:y:z::/:\n";
const group = "root:x:0:\nweb:x:88:app\napp:x:1235:\n";

test.each([
  ["root", { uid: 0, gid: 0 }],
  ["app", { uid: 1234, gid: 1235 }],
  ["app:web", { uid: 1234, gid: 88 }],
  ["app:root", { uid: 1234, gid: 0 }],
  ["4242", { uid: 4242, gid: 4242 }],
  ["4242:17", { uid: 4242, gid: 17 }],
  ["1:web", { uid: 1, gid: 88 }],
  // a name that looks like a number is matched first, as in the guest
  ["77", { uid: 5, gid: 6 }],
  ["nobody", 'user is named "nobody"'],
  ["app:none", 'group is named "none"'],
  ["bad", 'user is named "bad"'],
  ["4294967295", 'user is named "4294967295"'],
])("%s", (owner, wanted) => {
  expect(idsOf(owner, passwd, group)).toEqual(wanted as never);
});

test("root and numbers need no files; without files they resolve to themselves", () => {
  expect(["root", "0:0", "12", "root:root"].map(needsNames)).toEqual([false, false, false, false]);
  expect(["app", "0:web"].map(needsNames)).toEqual([true, true]);
  expect(idsOf("root:root", "", "")).toEqual({ uid: 0, gid: 0 });
});

test.each([
  ["root", "/root"],
  ["app", "/"],
  ["0", "/root"],
  // by name first, as for the numbers
  ["77", "/"],
  ["bad", "/"],
  ["nobody", null],
  ["odd", null],
])("the home of %s", (user, home) => {
  expect(homeOf(user, passwd)).toBe(home);
  expect(homeOf(user, "x:x:0:0::relative:\n")).toBeNull();
});

test("the text of a tar's only file; null for anything else, and for a file that is too large", async () => {
  const text = (members: Parameters<typeof archive>[0]) => textOfTar(chunked(archive(members), [700]));
  expect(await text([file("passwd", passwd)])).toBe(passwd);
  expect(await text([folder("passwd")])).toBeNull();
  expect(await text([file("passwd", "x".repeat(1_048_576))])).toHaveLength(1_048_576);
  expect(await text([file("passwd", "x".repeat(1_048_577))])).toBeNull();
});

test("1,000 entries of such a tar are read, and one more is refused", async () => {
  const folders = (count: number) => textOfTar(chunked(archive(Array(count).fill(folder("passwd")))));
  expect(await folders(1000)).toBeNull();
  await expect(folders(1001)).rejects.toMatchObject({ problem: "it contains too many files" });
});

test(
  "any guest files give numbers or a reason",
  () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("app:x:1:2", "app:x:-1:2:::", "app:x:99999999999:1", ":::", "app"),
    );
    const text = fc.array(line).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, fc.constantFrom("app", "app:web", "5", "x:y"), (users, groups, owner) => {
        const ids = idsOf(owner, users, groups);
        if (typeof ids === "string") return;
        for (const id of [ids.uid, ids.gid]) expect(Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1).toBe(true);
      }),
      { numRuns: runs(300) },
    );
  },
  patience,
);

test("package managers are run by program name, with the packages last or alone", () => {
  for (const manager of packageManagers) {
    const commands = manager.install(["one", "two"]);
    expect([manager.name, commands.filter((argv) => argv.slice(-2).join(" ") === "one two").length]).toEqual([
      manager.name,
      1,
    ]);
    for (const argv of [manager.probe, ...commands]) expect(argv[0]).toMatch(/^[a-z-]+$/);
  }
});
