/**
 * A whole git configuration: every file in git's order, with each include expanded in its place. git itself is not used, because it would
 * load untrusted files. Nothing is executed; keys and values are text. Pure: files come from `ConfigInput.read`.
 */
import { expandPath, type IncludeFacts, includeCondition, isTrue } from "./config-include.ts";
import { parseGitConfig } from "./git-config.ts";

/** The names of `git config --show-scope`. */
export type ConfigScope = "system" | "global" | "local" | "worktree" | "command";

export type ConfigEntry = {
  scope: ConfigScope;
  /** the file that it is in; null: in the environment */
  file: string | null;
  key: string;
  value: string;
};

/** One of git's files, or settings of the environment. A missing file has an empty text. */
export type ConfigPart = { scope: ConfigScope; file: string; text: string } | { scope: "command"; pairs: Pair[] };
type Pair = [key: string, value: string];

export type ConfigInput = IncludeFacts & {
  parts: readonly ConfigPart[];
  /** an included file; null when it is missing. @throws Error with the reason when it can't be read */
  read(path: string): string | null;
};

export type ConfigRead = {
  entries: ConfigEntry[];
  /** included files, by the scope of the file that included them */
  included: { scope: ConfigScope; file: string }[];
  /** what git would stop at: damaged and unreadable files, endless includes */
  problems: string[];
};

/** git's own limit (MAX_INCLUDE_DEPTH) */
const maxDepth = 10;
/** the most files; and the sum of pattern length times text length over all conditions */
const maxFiles = 2000;
const maxWork = 200_000_000;

/** Never throws: `problems` has what git would stop at. */
export function readConfig(input: ConfigInput): ConfigRead {
  return new Reader(input, null).readAll();
}

class Reader {
  readonly #input: ConfigInput;
  readonly #result: ConfigRead = { entries: [], included: [], problems: [] };
  #urls: string[] | null;
  #work = 0;

  /** @param urls of the remotes, for `hasconfig`; null: looked up when they are needed */
  constructor(input: ConfigInput, urls: string[] | null) {
    this.#input = input;
    this.#urls = urls;
  }

  readAll(): ConfigRead {
    for (const part of this.#input.parts) {
      if ("file" in part) this.#readText(part.scope, part.file, part.text, 0);
      else for (const pair of part.pairs) this.#take({ scope: part.scope, file: null }, pair, 0);
    }
    return this.#result;
  }

  #readText(scope: ConfigScope, file: string, text: string, depth: number): void {
    const config = parseGitConfig(text);
    for (const pair of config.pairs) this.#take({ scope, file }, pair, depth);
    if (config.broken) this.#problem(`bad config line in file ${file}`);
  }

  #take(at: { scope: ConfigScope; file: string | null }, [key, value]: Pair, depth: number): void {
    this.#result.entries.push({ ...at, key, value });
    const condition = includeCondition(key);
    if (condition === null || !this.#holds(condition, at.file)) return;
    const path = this.#pathOf(value, at.file);
    if (path === null) return;
    if (depth >= maxDepth || this.#result.included.length >= maxFiles) {
      this.#problem(`too many includes, one in another: ${path}`);
      return;
    }
    const text = this.#read(path);
    if (text === null) return;
    this.#result.included.push({ scope: at.scope, file: path });
    this.#readText(at.scope, path, text, depth + 1);
  }

  #holds(condition: string | true, file: string | null): boolean {
    if (condition === true) return true;
    const { gitDirs, branch } = this.#input;
    const texts = condition.startsWith("hasconfig:") ? this.#remoteUrls() : [...gitDirs, branch ?? ""];
    this.#work += condition.length * texts.reduce((sum, text) => sum + text.length, 0);
    if (this.#work > maxWork) this.#problem("its conditional includes take too long to decide");
    else return isTrue(condition, file, this.#input, () => texts);
    return false;
  }

  /** Files included by `hasconfig` must not define remotes, so they are not needed to look remotes up. */
  #remoteUrls(): string[] {
    this.#urls ??= new Reader(this.#input, [])
      .readAll()
      .entries.filter(({ key }) => /^remote\..*\.url$/s.test(key))
      .map(({ value }) => value);
    return this.#urls;
  }

  #pathOf(value: string, file: string | null): string | null {
    const path = expandPath(value, this.#input);
    if (path === null) return this.#problem(`could not expand include path '${value}'`);
    if (path.startsWith("/")) return path;
    if (file === null) return this.#problem("relative config includes must come from files");
    return `${file.slice(0, file.lastIndexOf("/") + 1)}${path}`;
  }

  #read(path: string): string | null {
    try {
      return this.#input.read(path);
    } catch (error) {
      return this.#problem(`${path} can't be read: ${(error as Error).message}`);
    }
  }

  #problem(text: string): null {
    if (!this.#result.problems.includes(text)) this.#result.problems.push(text);
    return null;
  }
}
