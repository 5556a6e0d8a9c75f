/** Which folders are used, in each environment that is not a login shell's. */
import { expect, test } from "bun:test";
import { isError } from "../../base/errors/error.ts";
import { type FolderFacts, ownFolders } from "./own-folders.ts";

const owners: Record<string, number> = { "/home/ann": 1000, "/run/user/1000": 1000, "/run/user/0": 0 };

/** A user of the database; other paths belong to root. */
function user(uid: number, home: string | null): FolderFacts {
  return { uid, databaseHome: () => home, ownerOf: (path) => owners[path.replace(/\/\..*$/, "")] ?? 0 };
}

const ann = user(1000, "/home/ann");
const root = user(0, "/root");
const login = { HOME: "/home/ann", XDG_RUNTIME_DIR: "/run/user/1000" };

test.each([
  ["a login shell", ann, login, "/home/ann/.local/state/banger", "/run/user/1000/banger"],
  ["cron", ann, { HOME: "/home/ann" }, "/home/ann/.local/state/banger", "/home/ann/.local/state/banger/run"],
  ["nothing at all", ann, {}, "/home/ann/.local/state/banger", "/home/ann/.local/state/banger/run"],
  [
    "root's",
    ann,
    { ...login, XDG_RUNTIME_DIR: "/run/user/0" },
    "/home/ann/.local/state/banger",
    "/home/ann/.local/state/banger/run",
  ],
  [
    "none yet",
    ann,
    { ...login, XDG_RUNTIME_DIR: "/run/user/77" },
    "/home/ann/.local/state/banger",
    "/home/ann/.local/state/banger/run",
  ],
  ["sudo -E", root, login, "/root/.local/state/banger", "/root/.local/state/banger/run"],
  [
    "sudo -E with all",
    root,
    { ...login, XDG_STATE_HOME: "/home/ann/.s" },
    "/root/.local/state/banger",
    "/root/.local/state/banger/run",
  ],
  [
    "root itself",
    root,
    { HOME: "/root", XDG_RUNTIME_DIR: "/run/user/0" },
    "/root/.local/state/banger",
    "/run/user/0/banger",
  ],
  ["a root of no database", user(0, null), login, "/root/.local/state/banger", "/root/.local/state/banger/run"],
])("%s", (_, facts, env: Record<string, string>, state, runtime) => {
  expect(ownFolders(env, facts).roots).toMatchObject({ state, runtime });
});

test("settings are read from HOME, and its owner is known", () => {
  expect(ownFolders(login, root)).toMatchObject({ home: "/home/ann", homeOf: 1000 });
  expect(ownFolders(login, ann)).toMatchObject({ home: "/home/ann", homeOf: null });
});

test("a home that is not an absolute path is refused", () => {
  for (const [env, facts] of [
    [{ HOME: "rel" }, ann],
    [{ HOME: "./x" }, root],
    [{}, user(1000, null)],
    [{}, user(1000, "rel")],
  ] as const) {
    let thrown: unknown;
    try {
      ownFolders(env, facts);
    } catch (error) {
      thrown = error;
    }
    expect(isError(thrown, "HOME_INVALID")).toBe(true);
  }
});
