/** The pages that describe the code match it. */
import { expect, test } from "bun:test";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Digest, VmId } from "../src/base/names.ts";
import { kernelPaths, pathsOf, systemPaths } from "../src/model/paths.ts";
import { firecrackerFiles } from "../src/vmm/firecracker/paths.ts";
import { qemuFiles } from "../src/vmm/qemu/paths.ts";

const root = join(import.meta.dirname, "..");
const digest = `sha256:${"a".repeat(64)}` as Digest;

/** Every path of `model/paths.ts` as written in docs/internals.md, by its name in the source. */
function documentedForms(): [name: string, path: string][] {
  const paths = pathsOf({ state: "<state>", cache: "<cache>", config: "<config>", runtime: "<runtime>" });
  const forms: [string, string][] = [];
  for (const [name, value] of Object.entries(paths)) {
    if (typeof value === "string") forms.push([name, value]);
  }
  forms.push(
    ["layer", paths.layer(digest)],
    ["initramfs", paths.initramfs(digest)],
    ["kernel", paths.kernel(digest).directory],
    ["blankDisk", paths.blankDisk(7)],
    ["blob", paths.blob(digest)],
    ["blobPart", paths.blobPart(digest)],
    ["catalog", paths.catalog(digest)],
  );
  const saved = {
    template: paths.template(digest),
    snapshot: paths.snapshot("<id>"),
    suspended: paths.suspended("<id>" as VmId),
  };
  for (const [kind, parts] of Object.entries(saved))
    forms.push(...Object.entries(parts).map(([name, path]): [string, string] => [`${kind}_${name}`, path]));
  const { directory } = paths.vm("<id>" as VmId);
  forms.push(...Object.entries(paths.kernel(digest)), ...Object.entries(qemuFiles(directory)));
  // its other files have a row for several
  const { api, errors, loadedState } = firecrackerFiles(directory);
  forms.push(...Object.entries({ api, errors, loadedState }));
  const system = systemPaths();
  const installed = Object.entries(system).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  forms.push(
    ...installed,
    ["version", system.version("<version>")],
    ["command", system.command("<program>")],
    ["unit", system.unit("<unit>")],
    ["wanted", system.wanted("<unit>")],
  );
  return forms.map(([name, path]) => [
    name,
    path.replace("a".repeat(64), "<sha256>").replace("ext4-7.", "ext4-<bytes>."),
  ]);
}

test("docs/internals.md explains every path, and no other", () => {
  const page = readFileSync(join(root, "docs/internals.md"), "utf8");
  const rows = [...page.matchAll(/^\| `([^`]+)` \| `(\w+)` \|/gm)].map(
    ([, path = "", name = ""]) => `${name} ${path.replace(/\/$/, "")}`,
  );
  const sameFolder = (name: string, path: string) => name === "directory" && path.startsWith("<cache>/kernels");
  const wanted = documentedForms()
    .filter(([name, path]) => !sameFolder(name, path))
    .map(([name, path]) => `${name} ${path}`);
  expect(rows.sort()).toEqual(wanted.sort());
});

test("this test knows all functions that make paths", () => {
  const functions = (value: object) =>
    Object.entries(value)
      .filter(([, item]) => typeof item === "function")
      .map(([name]) => name);
  const paths = pathsOf({ state: "", cache: "", config: "", runtime: "" });
  expect(functions(paths).sort()).toEqual([
    "blankDisk",
    "blob",
    "blobPart",
    "catalog",
    "initramfs",
    "kernel",
    "layer",
    "snapshot",
    "suspended",
    "template",
    "vm",
  ]);
  expect(functions(systemPaths()).sort()).toEqual(["command", "unit", "version", "wanted"]);
  expect([...functions(qemuFiles("")), ...functions(kernelPaths(""))]).toEqual([]);
});

test("links between the pages resolve", () => {
  const pages = globSync(["*.md", "docs/**/*.md", "protocol/*.md"], { cwd: root });
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

test("every make target that the pages name exists", () => {
  const targets = new Set(
    [...readFileSync(join(root, "Makefile"), "utf8").matchAll(/^([a-z-]+):/gm)].map(([, name]) => name),
  );
  const named = ["README.md", "CONTRIBUTING.md"].flatMap((page) =>
    [...readFileSync(join(root, page), "utf8").matchAll(/(?:`|^)make ([a-z-]+)/gm)].map(([, name]) => name ?? ""),
  );
  expect([...new Set(named)].filter((name) => !targets.has(name))).toEqual([]);
});
