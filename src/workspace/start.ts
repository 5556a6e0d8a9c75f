/** Decides the guest's commit and branch: HEAD's, or those of `--branch` and `--from`. */
import { fail } from "../base/errors/error.ts";
import { byteTextOf } from "../host/files/tree.ts";
import type { Start } from "./history.ts";
import type { OpenRepository } from "./open-repository.ts";
import { isOid } from "./refs.ts";

/** @throws WORKSPACE_REF, FLAG_INVALID */
export async function resolveStart(
  open: OpenRepository,
  branch: string | undefined,
  from: string | undefined,
): Promise<Start> {
  const { head, all } = open.refs;
  const oid = from === undefined ? head.oid : await resolveCommit(open, from);
  if (branch !== undefined)
    return { ref: newBranch(branch, [...all.keys(), ...(head.ref === null ? [] : [head.ref])]), oid };
  if (from === undefined) return { ref: head.ref, oid };
  const local = `refs/heads/${byteTextOf(from)}`;
  return { ref: all.get(local) === oid ? local : null, oid };
}

/** A commit that the user named, looked up in the repository's refs and objects. */
async function resolveCommit(open: OpenRepository, ref: string): Promise<string> {
  const path = Buffer.from(open.repository.workTree, "latin1").toString("utf8");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be in an argument
  if (ref === "" || ref.startsWith("-") || ref.length > 512 || /[\u0000-\u001f\u007f]/.test(ref)) {
    throw fail("WORKSPACE_REF", { ref, path });
  }
  const result = await open.git(["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], { allow: [1, 128] });
  const oid = Buffer.from(result.stdout).toString("latin1").trim();
  if (result.exitCode !== 0 || !isOid(oid)) throw fail("WORKSPACE_REF", { ref, path });
  return oid;
}

/** The full name of a new branch. Rules of `git check-ref-format --branch`. */
function newBranch(branch: string, taken: readonly string[]): string {
  const flag = { flag: "--branch", value: branch, example: "--branch fix/login" };
  const name = byteTextOf(branch);
  if (name.startsWith("-") || name === "HEAD" || name === "@" || !isBranchName(name)) {
    throw fail("FLAG_INVALID", { ...flag, problem: "is not a branch name" });
  }
  const ref = `refs/heads/${name}`;
  const inTheWay = taken.find((other) => other === ref || other.startsWith(`${ref}/`) || ref.startsWith(`${other}/`));
  if (inTheWay === undefined) return ref;
  const which = Buffer.from(inTheWay.replace(/^refs\/heads\//, ""), "latin1").toString("utf8");
  throw fail("FLAG_INVALID", {
    ...flag,
    problem: inTheWay === ref ? "already exists" : `can't be beside the branch "${which}"`,
  });
}

function isBranchName(name: string): boolean {
  if (name.length > 200 || name.startsWith("/") || name.endsWith("/") || name.endsWith(".")) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git's rule names them
  if (name === "" || /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\//.test(name)) return false;
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}
