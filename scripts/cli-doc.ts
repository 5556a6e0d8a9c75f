/**
 * Writes docs/cli.md from the tree of commands: `bun scripts/cli-doc.ts`; `--check` only says whether it is up to date, and
 * `--man DIR` writes the man pages there, one for each command, as in git: `banger-vm-run.1`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Application } from "@stricli/core";
import { buildApp } from "../src/cli/app.ts";
import type { CliContext } from "../src/cli/context.ts";
import { pageText } from "../src/cli/help.ts";
import { type CommandPage, commandPages } from "../src/cli/pages.ts";
import { manName, manPage } from "./man-page.ts";

const path = new URL("../docs/cli.md", import.meta.url).pathname;

export function allPages(): CommandPage[] {
  const { root, config, defaultText } = buildApp("", []) as Application<CliContext>;
  return commandPages(root, config.documentation, defaultText);
}

export function cliDocument(): string {
  const pages = allPages();
  const index = pages.map(({ words, page }) => {
    const indent = "  ".repeat(words.length - 1);
    return `${indent}- [\`${words.join(" ")}\`](#${words.join("-")}): ${page.brief}`;
  });
  const texts = pages.map(({ words, page }) => `## ${words.join(" ")}\n\n\`\`\`text\n${pageText(page)}\`\`\`\n`);
  return `# Commands

What \`--help\` prints for each command. \`scripts/cli-doc.ts\` makes this page, and the man pages (\`make man\`), from the commands themselves.
Exit codes are in [errors.md](errors.md#exit-codes).

${index.join("\n")}

${texts.join("\n")}`;
}

function writeManPages(folder: string): void {
  const pages = allPages();
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  mkdirSync(folder, { recursive: true });
  for (const one of pages) writeFileSync(join(folder, `${manName(one)}.1`), manPage(one, pages, version));
}

if (import.meta.main) {
  const man = process.argv.indexOf("--man");
  const wanted = cliDocument();
  if (man > 0) writeManPages(process.argv[man + 1] ?? "build/man");
  else if (!process.argv.includes("--check")) writeFileSync(path, wanted);
  else if (readFileSync(path, "utf8") !== wanted) {
    process.stderr.write("docs/cli.md is stale: run `bun scripts/cli-doc.ts`\n");
    process.exitCode = 1;
  }
}
