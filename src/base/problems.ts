/** Words the problems that a parser or a schema found in a document, each with its path. Pure. */
import { nearest, stripControl } from "./text.ts";

/** One issue as zod reports it. */
export type Issue = { code?: string; path: PropertyKey[]; message: string; keys?: string[] };

export type Wording = {
  /** the keys allowed in the table at `path` */
  keysAt(path: readonly PropertyKey[]): string[];
  /** better advice for an unknown key than the nearest name */
  advice?(path: readonly PropertyKey[], key: string): string | undefined;
};

const most = 50;

/** One line for each problem, at most 50. */
export function problemsOf(issues: readonly Issue[], wording: Wording): string[] {
  return issues.flatMap((issue) => linesOf(issue, wording)).slice(0, most);
}

function linesOf(issue: Issue, { keysAt, advice }: Wording): string[] {
  if (issue.code !== "unrecognized_keys") return [`${dotted(issue.path)}: ${issue.message}`];
  return (issue.keys ?? []).map((key) => {
    const meant = nearest(key, keysAt(issue.path));
    const better = advice?.(issue.path, key) ?? (meant ? `did you mean "${meant}"?` : undefined);
    const path = dotted([...issue.path, stripControl(key).slice(0, 80)]);
    return `${path}: unknown key${better === undefined ? "" : `; ${better}`}`;
  });
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join(".") || "(top level)";
}

/** A syntax error of a TOML text, with its position. */
export function syntaxProblem(error: { line: number; column: number; message: string }): string {
  const what = stripControl(error.message.split("\n", 1)[0] ?? "").replace(/^Invalid TOML document: /, "");
  return `line ${error.line}, column ${error.column}: ${what}`;
}
