/**
 * Writes the transcript of a real `make run` into README.md, between its two marks. Progress lines that overwrite each other
 * on a terminal do not occur: the run has none.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const [begin, end] = [
  "<!-- transcript: written by scripts/transcript.ts; not edited by hand -->",
  "<!-- /transcript -->",
];

const child = Bun.spawn(["sh", "-c", "make --no-print-directory run </dev/null 2>&1"], { cwd: root, stdout: "pipe" });
const output = (await new Response(child.stdout).text()).trimEnd();
const status = await child.exited;
if (status !== 0) throw new Error(`make run ended with status ${status}:\n${output}`);

const file = join(root, "README.md");
const page = readFileSync(file, "utf8");
const [from, to] = [page.indexOf(begin), page.indexOf(end)];
if (from < 0 || to < from) throw new Error("README.md has lost the marks of its transcript");
const block = `${begin}\n\`\`\`console\n$ make run </dev/null\n${output}\n\`\`\`\n`;
writeFileSync(file, page.slice(0, from) + block + page.slice(to));
