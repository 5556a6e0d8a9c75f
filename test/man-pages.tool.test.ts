/** The man pages as man reads them. */
import { expect } from "bun:test";
import { allPages } from "../scripts/cli-doc.ts";
import { manName, manPage } from "../scripts/man-page.ts";
import { gatedTest } from "../src/host/testing/gate.ts";

gatedTest(
  "tool:man",
  "man formats every page without a warning",
  async () => {
    const pages = allPages();
    const said: string[] = [];
    for (const one of pages) {
      const argv = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-"];
      const env = { ...process.env, MANWIDTH: "200" };
      const child = Bun.spawn(argv, { stdin: "pipe", stdout: "ignore", stderr: "pipe", env });
      child.stdin.write(manPage(one, pages, "1"));
      await child.stdin.end();
      const stderr = await new Response(child.stderr).text();
      if ((await child.exited) !== 0 || stderr !== "") said.push(`${manName(one)}: ${stderr}`);
    }
    expect(said).toEqual([]);
  },
  60_000,
);
