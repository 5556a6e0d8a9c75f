/** Paths with `/` between their names. Pure. */

/** Every parent folder of `path`, outermost first: `a`, `a/b` for `a/b/c`. */
export function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1)) parents.push(path.slice(0, cut));
  return parents;
}
