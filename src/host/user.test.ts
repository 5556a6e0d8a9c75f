import { expect, test } from "bun:test";
import { passwdEntry, passwdOf, userName } from "./user.ts";

const passwd = "root:x:0:0:root:/root:/bin/bash\n# a comment\nanna:x:1000:1000:Anna,,,:/home/anna:/bin/sh\nshort:x:7\n";

test.each([
  [0, { name: "root", home: "/root" }],
  [1000, { name: "anna", home: "/home/anna" }],
  [7, { name: "short", home: "" }],
  [1, null],
] as const)("the entry of user %d is %o", (uid, entry) => {
  expect(passwdEntry(passwd, uid)).toEqual(entry);
});

test("the name is the database's, whatever the environment says", () => {
  const uid = process.getuid?.() ?? -1;
  const name = Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
  for (const env of [{ USER: "liar" }, {}]) expect(userName(uid, env)).toBe(name);
  expect(passwdOf(uid)?.name).toBe(name);
});

test("a user of another database has the name that the environment says, or the number", () => {
  expect(userName(4_000_000_001, { USER: "anna" })).toBe("anna");
  expect(userName(4_000_000_001, {})).toBe("4000000001");
});
