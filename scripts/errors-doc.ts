/** Writes docs/errors.md from the catalog: `bun scripts/errors-doc.ts`; `--check` only says whether it is up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { catalog } from "../src/base/errors/catalog.ts";
import { Exit } from "../src/base/exit.ts";

const path = new URL("../docs/errors.md", import.meta.url).pathname;

type Sentence = (params: unknown) => string;

/** Parameters that sentences are made without where they can be: what is said when there is nothing better. */
const optional = new Set<PropertyKey>(["flag", "next", "nearest", "recipe", "known"]);

/** Any parameter: a name in angle brackets, which also passes for a list or a number. */
function placeholders(isLeftOut: (name: PropertyKey) => boolean): object {
  const standIn = (name: string) =>
    Object.assign([`<${name}>`], { toString: () => `<${name}>`, slice: () => `<${name}>` });
  const get = (_target: object, name: PropertyKey) =>
    typeof name === "string" && !isLeftOut(name) ? standIn(name) : undefined;
  return new Proxy({}, { get });
}

function sentence(make: Sentence): string {
  const short = String(make(placeholders((name) => optional.has(name))));
  return cell(short.includes("undefined") ? String(make(placeholders(() => false))) : short);
}

export function errorsDocument(): string {
  const names = Object.fromEntries(Object.entries(Exit).map(([name, code]) => [code, name]));
  const rows = Object.entries(catalog)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, entry]) => {
      const message = sentence(entry.message as Sentence);
      const hint = sentence(entry.hint as Sentence);
      return `| \`${code}\` | ${entry.exit} | ${message} | ${hint} |`;
    });
  const exits = Object.entries(names).map(([code, name]) => `| ${code} | ${name} |`);
  return `# Errors

Every expected failure has a permanent code: scripts may match on it, none is renamed or removed. It is printed as
\`error: …\` with a \`hint: …\` on its own line; with \`--json\` as \`{"error": {"code", "message", "hint", "exit", "details"}}\`.
This page is made from the catalog by \`scripts/errors-doc.ts\`.

| code | exit | message | hint |
|---|---|---|---|
${rows.join("\n")}

## Exit codes

\`vm run\` and \`vm exec\` exit with the guest command's status, 128 and the signal's number if it died of one;
their own failures are 125, 126 and 127 as in a shell. \`doctor\` exits with 0, 1 (warnings) or 2 (failures).

| code | name |
|---|---|
${exits.join("\n")}
`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ").replaceAll("<", "&lt;");
}

if (import.meta.main) {
  const wanted = errorsDocument();
  if (!process.argv.includes("--check")) writeFileSync(path, wanted);
  else if (readFileSync(path, "utf8") !== wanted) {
    process.stderr.write("docs/errors.md is stale: run `bun scripts/errors-doc.ts`\n");
    process.exitCode = 1;
  }
}
