import { expect, test } from "bun:test";
import { rootlessRoots } from "./paths.ts";

test("folders whose path is not UTF-8 are refused by name: banger could not pass them to the tools that it runs", () => {
  const refused =
    (home: string, env: Record<string, string> = {}) =>
    () =>
      rootlessRoots({ home, env });
  expect(refused("/home/caf\udce9")).toThrow("/home/caf\\xe9/.local/state/banger: its path is not UTF-8");
  // as the runtime decodes it
  expect(refused("/home/caf\ufffd")).toThrow("its path is not UTF-8");
  expect(refused("/home/me", { XDG_RUNTIME_DIR: "/run/\udcff" })).toThrow("/run/\\xff/banger");
  expect(refused("/home/café \u{1f600}")()).toMatchObject({ state: "/home/café \u{1f600}/.local/state/banger" });
  // a folder that is not used does not matter
  expect(refused("/home/me", { XDG_STATE_HOME: "relative/\udcff" })().state).toBe("/home/me/.local/state/banger");
});
