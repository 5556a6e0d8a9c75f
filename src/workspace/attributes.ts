/** The part of gitattributes(5) that banger needs. Pure; byte text. */

export type AttributeLine = { pattern: string /** as written: `text`, `-text`, `eol=lf` */; attributes: string[] };

/** Lines that give attributes to a pattern or a macro (`[attr]NAME`). */
function parseAttributes(text: string): AttributeLine[] {
  return text.split("\n").flatMap((line) => {
    const [, pattern = "", rest = ""] = /^[ \t\r]*("(?:[^"\\]|\\.)*"|[^ \t\r]+)(.*)$/s.exec(line) ?? [];
    return pattern === "" || pattern.startsWith("#")
      ? []
      : [{ pattern, attributes: rest.split(/[ \t\r]+/).filter(Boolean) }];
  });
}

/** Patterns that set a filter, directly or by a macro. */
export function filterPatterns(text: string): string[] {
  const lines = parseAttributes(text);
  const isFilter = (attribute: string) => attribute.startsWith("filter=");
  const macros = new Set(macrosOf(lines, isFilter));
  return lines
    .filter(
      ({ pattern, attributes }) => !isMacro(pattern) && attributes.some((each) => isFilter(each) || macros.has(each)),
    )
    .map(({ pattern }) => pattern);
}

/**
 * The attributes that decide how a file's content is compared: line endings, encodings, idents. The others are left out, because they
 * name programs (`filter`, `diff`, `merge`) that the guest does not have.
 * @returns lines of an attributes file, empty when there are none
 */
export function contentAttributes(text: string): string {
  const lines = parseAttributes(text);
  const isContent = (attribute: string) =>
    /^(?:[-!]?(?:text|crlf|binary|ident|eol|working-tree-encoding)|text=auto|crlf=input|eol=(?:lf|crlf)|working-tree-encoding=[\w.-]+)$/.test(
      attribute,
    );
  const macros = new Set(macrosOf(lines, isContent));
  const kept = lines.flatMap(({ pattern, attributes }) => {
    const own = attributes.filter((each) => isContent(each) || macros.has(each.replace(/^[-!]/, "")));
    return own.length > 0 ? [`${pattern} ${own.join(" ")}\n`] : [];
  });
  return kept.join("");
}

function isMacro(pattern: string): boolean {
  return pattern.startsWith("[attr]");
}

function macrosOf(lines: readonly AttributeLine[], isWanted: (attribute: string) => boolean): string[] {
  const wanted = lines.filter(({ pattern, attributes }) => isMacro(pattern) && attributes.some(isWanted));
  return wanted.map(({ pattern }) => pattern.slice("[attr]".length));
}
