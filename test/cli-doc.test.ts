/** docs/cli.md and the man pages match the commands. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { allPages, cliDocument } from "../scripts/cli-doc.ts";
import { manName, manPage } from "../scripts/man-page.ts";
import { cliWorlds } from "../src/cli/testing/cli.ts";

const world = cliWorlds();

test("docs/cli.md is the output of scripts/cli-doc.ts", () => {
  expect(readFileSync(new URL("../docs/cli.md", import.meta.url), "utf8")).toBe(cliDocument());
});

test("it has each command's `--help` word for word", async () => {
  const { cli } = await world();
  const document = cliDocument();
  const pages = allPages();
  expect(pages.length).toBeGreaterThan(50);
  for (const { words } of pages) {
    const { stdout } = await cli([...words.slice(1), "--help"]);
    expect(document).toContain(`## ${words.join(" ")}\n\n\`\`\`text\n${stdout}\`\`\``);
  }
});

test("a man page has the command's sections, and no line of it is a request by accident", () => {
  const pages = allPages();
  const one = pages.find((page) => manName(page) === "banger-vm-logs");
  if (one === undefined) throw new Error("vm logs has no page");
  const text = manPage(one, pages, "1.2.3");
  expect(text).toStartWith('.TH "BANGER\\-VM\\-LOGS" 1 "" "banger 1.2.3" "banger manual"\n');
  expect(text).toContain("\n.SH SYNOPSIS\n.nf\nbanger vm logs [flags] VM\n.fi\n");
  expect(text).toContain('\n.TP\n.B "\\-f, \\-\\-follow"\nkeep printing as the log grows\n');
  expect(text).toEndWith(".SH SEE ALSO\n.BR banger\\-vm (1)\n");
  const odd = { words: ["banger"], page: { brief: "b", description: ".so /etc/passwd", sections: [] } };
  expect(manPage(odd, [], "1")).toContain("\n\\&.so /etc/passwd\n");
});
