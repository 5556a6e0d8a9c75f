/** The work tree that a user means. */
import { textOfBytes } from "../../host/files/tree.ts";
import { locate } from "../locate.ts";

/** The real path of the work tree around `folder`. @throws WORKSPACE_REFUSED */
export function rootOf(folder: string, home: string): string {
  const located = locate(folder, home);
  return textOfBytes(located.kind === "git" ? located.repository.workTree : located.root);
}
