/** The import rules do refuse: each row is one file that biome is shown, and the message a developer would read. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { biomeText, folders } from "./import-rules.ts";

const root = join(import.meta.dirname, "..");
const scratch = mkdtempSync(join(tmpdir(), "import-rules-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** file, code, and a part of the message, or null where it is allowed */
const rows: [file: string, code: string, refused: string | null][] = [
  ["src/base/a.ts", 'export type { Vm } from "../model/vm.ts";', "base/ is the bottom"],
  ["src/base/errors/b.ts", 'import type { Vm } from "../../model/vm.ts";\nexport type B = Vm;', "base/ is the bottom"],
  ["src/base/errors/c.ts", 'export { a } from "../bytes.ts";', null],
  ["src/wire/agent/d.ts", 'export { a } from "../qmp/client.ts";', null],
  ["src/wire/agent/e.ts", 'export { a } from "../../host/files/files.ts";', "wire/ holds codecs"],
  ["src/cli/f.ts", 'export { a } from "../host/files/files.ts";', "the CLI talks to the daemon over the API"],
  ["src/cli/vm/g.ts", 'export const a = await import("../../daemon/server.ts");', "the CLI talks to the daemon"],
  ["src/cli/h.ts", 'export { a } from "../images/recipes.ts";', null],
  ["src/cli/i.ts", 'export { a } from "../images/import.ts";', "the CLI talks to the daemon over the API"],
  ["src/cli/j.ts", 'export { a } from "@stricli/core";', null],
  ["src/client/k.ts", 'export { a } from "../wire/qmp/client.ts";', "over the API only"],
  ["src/client/session/k2.ts", 'export type { C } from "../../cli/context.ts";', "client/dependencies.ts"],
  ["src/client/workspace/k3.ts", 'export type { W } from "../../workspace/types.ts";', null],
  ["src/client/workspace/k4.ts", 'export { p } from "../../workspace/plan.ts";', "client/dependencies.ts"],
  ["src/machines/l.ts", 'export { a } from "../host/files/files.ts";', "machines/ knows nothing of who asks"],
  ["src/machines/l2.ts", 'export { a } from "./life/stop.ts";', null],
  ["src/machines/m.ts", 'export { a } from "../host/clock.ts";', null],
  ["src/machines/life/m2.ts", 'export { a } from "../../images/import.ts";', null],
  ["src/machines/life/m3.ts", 'export { a } from "../../images/pull.ts";', "life/ is the top floor"],
  ["src/machines/start/m4.ts", 'export { a } from "../life/stop.ts";', "start/ ends where the VM runs"],
  ["src/machines/start/m5.ts", 'export { a } from "../guest/live.ts";', null],
  ["src/machines/start/m6.ts", 'export { a } from "./create.ts";', null],
  ["src/machines/guest/m7.ts", 'export { a } from "../create-machines.ts";', "guest/ is about one VM"],
  ["src/machines/guest/m8.ts", 'export { a } from "../../host/files/files.ts";', "guest/ is about one VM"],
  ["src/machines/n.ts", 'export { readFile } from "node:fs/promises";', "only host/ touches the operating system"],
  ["src/machines/o.ts", 'export { Database } from "bun:sqlite";', "only host/ touches the operating system"],
  ["src/machines/p.ts", 'export { createHash } from "node:crypto";', null],
  ["src/host/q.ts", 'export { Database } from "bun:sqlite";', null],
  ["src/host/q2.ts", 'export { readFile } from "node:fs/promises";', null],
  ["src/host/r.ts", 'export { z } from "zod/mini";', "host/ may import no npm package"],
  ["src/daemon/s.ts", 'export { z } from "zod/mini";', null],
  ["src/daemon/t.test.ts", 'export { a } from "../cli/x.ts";', null],
  ["src/daemon/u.ts", "export const a = Bun.version;", "Bun"],
  ["src/daemon/v.ts", "export const a = process.pid;", "process"],
  ["src/host/w.ts", "process.exit(1);", "process.exit"],
  ["src/host/x.ts", "console.log(1);", "console"],
  ["src/bin/y.ts", "process.exit(1);", null],
  ["src/base/one.ts", 'import { two } from "./two.ts";\nexport const one = () => two;', "cycle"],
  ["src/base/two.ts", 'import { one } from "./one.ts";\nexport const two = () => one;', "cycle"],
];

const found = lint();

for (const [file, code, refused] of rows) {
  test(`${file} ${refused ? "may not" : "may"}: ${code.split("\n")[0]}`, () => {
    const messages = found.filter((item) => item.file.endsWith(file)).map((item) => item.message);
    if (refused === null) expect(messages).toEqual([]);
    else expect(messages.join("\n")).toContain(refused);
  });
}

test("biome.json is what the table makes", () => {
  expect(readFileSync(join(root, "biome.json"), "utf8")).toBe(biomeText());
});

test("the table names only folders that it has rows for", () => {
  const named = Object.values(folders).flatMap((folder) => folder.may.map((path) => path.split("/")[0] ?? ""));
  expect(named.filter((name) => !(name in folders))).toEqual([]);
});

function lint(): { file: string; message: string }[] {
  writeFileSync(join(scratch, "biome.json"), biomeText());
  for (const [file, code] of rows) {
    mkdirSync(dirname(join(scratch, file)), { recursive: true });
    writeFileSync(join(scratch, file), `${code}\n`);
  }
  const biome = join(root, "node_modules/.bin/biome");
  const run = Bun.spawnSync([biome, "lint", "--reporter=json", "--max-diagnostics=none", "src"], { cwd: scratch });
  const report = JSON.parse(run.stdout.toString()) as {
    diagnostics: { category: string; message: string; location: { path: string } }[];
  };
  return report.diagnostics.map((item) => ({ file: item.location.path, message: `${item.message} ${item.category}` }));
}
