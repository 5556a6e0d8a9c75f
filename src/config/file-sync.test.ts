import { expect, test } from "bun:test";
import { BangerError } from "../base/errors/error.ts";
import { parseConfig } from "./parse.ts";

function problems(text: string): readonly string[] {
  try {
    parseConfig("/c", text);
  } catch (error) {
    if (error instanceof BangerError) return error.details["problems"] as string[];
    throw error;
  }
  return [];
}

const table = (lines: Record<string, unknown>) =>
  `[[file_sync]]\n${Object.entries(lines)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join("")}`;
const git = { host: "~/.gitconfig", guest: "~/.gitconfig" };

test("no entries by default, and what a table leaves out", () => {
  expect(parseConfig("/c", "").fileSync).toEqual([]);
  const config = parseConfig(
    "/c",
    table(git) + table({ host: "/home/u/k/", guest: "/root/k", mode: "0440", required: true }),
  );
  expect(config.fileSync).toEqual([
    { ...git, mode: null, required: false },
    { host: "/home/u/k", guest: "/root/k", mode: 0o440, required: true },
  ]);
  expect(config.provenance["file_sync"]).toBe("file");
});

test.each([
  [{ host: ".gitconfig" }, 'file_sync.0.host: must begin with "~/" or "/"'],
  [{ host: "~root/x" }, "file_sync.0.host: must begin"],
  [{ host: "~" }, "file_sync.0.host: must begin"],
  [{ host: "~/" }, "file_sync.0.host: must name a file or a folder in it"],
  [{ host: "/" }, "file_sync.0.host: must name"],
  [{ host: "~/../x" }, 'file_sync.0.host: must not contain ".."'],
  [{ host: "/home/u/a/../../../etc/shadow" }, 'file_sync.0.host: must not contain ".."'],
  [{ host: "~//x" }, 'file_sync.0.host: must not contain ".", "//"'],
  [{ host: "~/./x" }, 'file_sync.0.host: must not contain "."'],
  [{ host: "~/a\nb" }, "file_sync.0.host: must not contain control characters"],
  [{ host: 1 }, "file_sync.0.host: must be a path"],
  [{ host: undefined }, "file_sync.0.host: must be a path"],
  [{ guest: "x" }, 'file_sync.0.guest: must begin with "~/" or "/root/"'],
  [{ guest: "/etc/passwd" }, "file_sync.0.guest: must begin"],
  [{ guest: "/rooted/x" }, "file_sync.0.guest: must begin"],
  [{ guest: "/root" }, "file_sync.0.guest: must begin"],
  [{ guest: "/root/" }, "file_sync.0.guest: must name"],
  [{ guest: "~/x/" }, "file_sync.0.guest: must not contain"],
  [{ guest: "/root/../etc/passwd" }, 'file_sync.0.guest: must not contain ".."'],
  [{ guest: "~/.." }, 'file_sync.0.guest: must not contain ".."'],
  [{ mode: "600x" }, "file_sync.0.mode: must be a text of octal digits"],
  [{ mode: "4755" }, "file_sync.0.mode: must be"],
  [{ mode: "0800" }, "file_sync.0.mode: must be"],
  [{ mode: "0200" }, "file_sync.0.mode: must be"],
  [{ mode: 600 }, "file_sync.0.mode: must be a text of octal digits"],
  [{ required: "yes" }, "file_sync.0.required: must be true or false"],
  [{ hosts: "~/x" }, 'file_sync.0.hosts: unknown key; did you mean "host"?'],
])("%j is refused", (change, problem) => {
  expect(problems(`warm_vms = true\n\n${table({ ...git, ...change })}`)).toEqual([expect.stringContaining(problem)]);
  expect(problems(table({ ...git, ...change }))[0]).toEndWith(" (in the table at line 1)");
});

test("a path has a limit", () => {
  const [long, longer] = [3840, 3841].map((length) => problems(table({ ...git, host: `~/${"a".repeat(length)}` })));
  expect([long, longer]).toEqual([[], [expect.stringContaining("file_sync.0.host: is too long")]]);
});

test("a wrong table has the line of its own header", () => {
  const text = `${table(git)}\n${table({ host: "~/a", guest: "/a" })}`;
  expect(problems(text)).toEqual([expect.stringMatching(/^file_sync\.1\.guest: .* \(in the table at line 5\)$/)]);
  expect(problems('file_sync = [{ host = "~/a", guest = "/a" }]')).toEqual([expect.not.stringContaining("line")]);
});

test.each([
  ["a number", "file_sync = 1"],
  ["one table", "[file_sync]\nhost = '~/a'"],
  ["65 tables", table(git).repeat(65)],
  ["texts", "file_sync = ['~/a']"],
])("%s: not such a list", (_what, text) => {
  expect(problems(text)).toContainEqual(expect.stringContaining("must be a list of up to 64 tables"));
});

test.each([
  ["~/.config", "~/.config"],
  ["~/.config", "~/.config/gh"],
  ["~/.config/gh", "~/.config"],
])("%s and %s in the guest exclude each other", (one, other) => {
  expect(problems(table({ ...git, guest: one }) + table({ ...git, guest: other }))).toEqual([
    expect.stringContaining("file_sync.1.guest: is, contains or lies in the `guest` of file_sync.0"),
  ]);
});

test("names that only begin alike do not", () => {
  expect(problems(table({ ...git, guest: "~/.config" }) + table({ ...git, guest: "~/.config-old" }))).toEqual([]);
});
