/**
 * The object folders that host git will read. Links among them would lead it to another repository's history, and a fifo
 * would hold it up for ever: both are looked for before git runs. Names alone are read, so this is quick.
 */
import { listKinds, lookAt, readBeneath, realPath } from "../host/tree.ts";

export type ObjectFolders = {
  /** folders outside the repository that it takes objects from (`objects/info/alternates`), as git follows them */
  alternates: string[];
};

/** As deep as git follows alternates. */
const maxNesting = 5;
const maxAlternates = 64;

/** Why the objects can't be read. */
export class ObjectsError extends Error {}

/** @param objects the repository's own `objects`, a real path. @throws ObjectsError */
export function checkObjects(objects: string): ObjectFolders {
  const alternates: string[] = [];
  check(objects, 0, alternates);
  return { alternates };
}

function check(objects: string, nesting: number, alternates: string[]): void {
  for (const { name, kind } of listKinds(objects)) {
    if (kind === "folder") refuseOdd(objects, name);
    else if (kind !== "file") throw odd(name, kind);
  }
  for (const other of alternatesOf(objects)) {
    if (alternates.includes(other) || other === objects) continue;
    if (nesting >= maxNesting || alternates.length >= maxAlternates) return;
    alternates.push(other);
    check(other, nesting + 1, alternates);
  }
}

function refuseOdd(objects: string, folder: string): void {
  for (const { name, kind } of listKinds(`${objects}/${folder}`)) {
    if (kind !== "file" && kind !== "folder") throw odd(`${folder}/${name}`, kind);
  }
}

/** Folders that exist, without links on the way; relative ones count from `objects`. */
function alternatesOf(objects: string): string[] {
  const bytes = readBeneath(objects, "info/alternates", 64 * 1024);
  const lines = bytes === null ? [] : Buffer.from(bytes).toString("latin1").split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => (line.startsWith('"') ? unquoted(line) : line))
    .map((path) => (path.startsWith("/") ? path : `${objects}/${path}`))
    .flatMap((path) => {
      try {
        return lookAt(path) === null ? [] : [realPath(path)];
      } catch {
        return [];
      }
    });
}

/** git's C-style quotes; what is no octal escape stands for itself, which is enough for a path. */
function unquoted(line: string): string {
  return line
    .slice(1, line.lastIndexOf('"'))
    .replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : code,
    );
}

function odd(name: string, kind: "link" | "special"): Error {
  const what = kind === "link" ? "a symbolic link, which is not followed" : "no plain file";
  return new ObjectsError(`its git directory's objects/${name} is ${what}`);
}
