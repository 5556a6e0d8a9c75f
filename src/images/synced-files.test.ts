import { expect, test } from "bun:test";
import { isSynced, resolvedPaths } from "./synced-files.ts";
import type { Union } from "./union/union.ts";

/** An image in which these paths exist, and lead where the values say. */
function image(paths: Record<string, string>): Pick<Union, "resolve"> {
  return { resolve: async (path) => (path in paths ? { path: paths[path] ?? "", node: {} as never } : null) };
}

async function resolved(paths: Record<string, string>, ...synced: string[]): Promise<string[]> {
  return [...(await resolvedPaths(image(paths), synced))].sort();
}

test("a path itself, and where the image's links lead it", async () => {
  const home = { home: "var/home", "home/app": "var/home/app" };
  expect(await resolved(home, "/home/app/.config/gh")).toEqual(["home/app/.config/gh", "var/home/app/.config/gh"]);
  expect(await resolved({ root: "var/roothome" }, "/root/.x")).toEqual(["root/.x", "var/roothome/.x"]);
  expect(await resolved({ home: "" }, "/home/x")).toEqual(["home/x", "x"]);
  expect(await resolved({ root: "root" }, "/root/.x", "/root/.y")).toEqual(["root/.x", "root/.y"]);
  expect(await resolved({}, "/root/.x")).toEqual(["root/.x"]);
});

test.each([
  ["root/.config/gh", true],
  ["root/.config/gh/hosts.yml", true],
  ["root/.config", false],
  ["root/.config/gh2", false],
  ["home/root/.config/gh", false],
])("%s: %p", (path, is) => {
  expect(isSynced(path, new Set(["root/.config/gh"]))).toBe(is);
  expect(isSynced(path, new Set())).toBe(false);
});
