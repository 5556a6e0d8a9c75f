import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { page } from "./pager.ts";

/** A pager that keeps what it gets; its own path and arguments. */
function pagerIn(folder: string): string {
  const program = `${folder}/pager`;
  fs.writeFileSync(program, '#!/bin/sh\n{ echo "$LESSSECURE $*"; cat; } >"$OUT"\n', { mode: 0o755 });
  return program;
}

test("the user's pager gets all of it, with its arguments, through no shell", async () => {
  using base = tempFolder("pager");
  const env = { PAGER: ` ${pagerIn(base.path)}  -x  $HOME;true `, OUT: `${base.path}/out`, PATH: process.env["PATH"] };
  const text = "line\n".repeat(100_000);
  await page(text, env, () => expect.unreachable());
  expect(fs.readFileSync(`${base.path}/out`, "utf8")).toBe(`1 -x $HOME;true\n${text}`);
});

test("a pager that quits at once is no error", async () => {
  await page("text\n".repeat(100_000), { PAGER: "true", PATH: process.env["PATH"] }, () => expect.unreachable());
});

for (const pager of ["", "cat", "/nonexistent/pager"]) {
  test(`printed with PAGER=${JSON.stringify(pager)}`, async () => {
    const printed: string[] = [];
    await page("text", { PAGER: pager }, async (text) => void printed.push(text));
    expect(printed).toEqual(["text"]);
  });
}
