import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf, rootlessRoots } from "../model/paths.ts";
import { makeHostKey } from "../ssh/keys.ts";
import { guestInheritance } from "./bangerd-inheritance.ts";

test("a guest's sshd admits banger's key and the user's own; one that can't be read is said", async () => {
  using folder = tempFolder("inheritance");
  const paths = pathsOf(rootlessRoots({ home: folder.path, env: {} }));
  const inherited = (sshKey: string | null) => guestInheritance({ paths, env: {}, inheritProxy: false, sshKey });
  const { authorizedKeys } = await inherited(null);
  expect(authorizedKeys).toEqual([expect.stringMatching(/^ssh-ed25519 \S+ banger$/)]);

  const own = `${folder.path}/id`;
  const missing = await inherited(own);
  expect(missing.authorizedKeys).toEqual(authorizedKeys);
  expect(missing.notes).toEqual([expect.stringContaining("the key of ssh_key_path is not passed on")]);

  const { public: line } = makeHostKey("me");
  writeFileSync(`${own}.pub`, `${line}\n`);
  expect(await inherited(own)).toMatchObject({ authorizedKeys: [...authorizedKeys, line], notes: [] });
});
