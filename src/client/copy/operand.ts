/** What the user typed for `vm cp`: a path on this host, `VM:path`, or `-`. Pure. */
import { fail } from "../../base/errors/error.ts";
import { parseVmName, type VmName } from "../../base/names.ts";

export type Operand =
  | { kind: "host"; path: string }
  /** relative to the home of the guest's user unless it begins with `/`; empty: that home */
  | { kind: "guest"; vm: VmName; path: string }
  /** a tar on stdin or stdout */
  | { kind: "stream" };

/**
 * As in scp(1) and `docker cp`: a colon makes it a path in a VM, unless a slash comes before it.
 * @throws NAME_INVALID
 */
export function parseOperand(text: string): Operand {
  if (text === "-") return { kind: "stream" };
  const colon = text.indexOf(":");
  if (colon < 0 || text.slice(0, colon).includes("/")) return { kind: "host", path: text };
  return { kind: "guest", vm: parseVmName(text.slice(0, colon)), path: text.slice(colon + 1) };
}

/** One call, checked: what goes into a VM or comes out. */
export type Copy =
  | { way: "in"; vm: VmName; target: string; sources: readonly string[] }
  | { way: "in-tar"; vm: VmName; target: string }
  | { way: "out"; sources: readonly GuestPath[]; target: string }
  | { way: "out-tar"; source: GuestPath };

export type GuestPath = { vm: VmName; path: string };

const next = "name a path in a VM as VM:PATH, as in `banger vm cp ./notes.txt box:/tmp/`";

/** @param words the sources, then the target @throws USAGE, NAME_INVALID */
export function parseCopy(words: readonly string[]): Copy {
  const operands = words.map(parseOperand);
  const target = operands.pop();
  if (target === undefined || operands.length === 0)
    throw fail("USAGE", { problem: "a source and a target are needed", next });
  if (words.includes("")) throw fail("USAGE", { problem: "a path is empty", next });
  if (operands.some(({ kind }) => kind === "stream") && operands.length > 1)
    throw fail("USAGE", { problem: "- is the only source where it is one", next });
  return target.kind === "guest" ? copyIn(operands, target) : copyOut(operands, target);
}

function copyIn(operands: readonly Operand[], { vm, path }: GuestPath): Copy {
  if (operands[0]?.kind === "stream") return { way: "in-tar", vm, target: path };
  const sources = operands.flatMap((one) => (one.kind === "host" ? [one.path] : []));
  if (sources.length === operands.length) return { way: "in", vm, target: path, sources };
  throw fail("USAGE", {
    problem: "both ends are in a VM",
    next: "copy to this host first, or from one to the other as a tar: `banger vm cp one:/dir - | banger vm cp - two:/dir`",
  });
}

function copyOut(operands: readonly Operand[], target: Operand): Copy {
  const sources = operands.flatMap((one) => (one.kind === "guest" ? [{ vm: one.vm, path: one.path }] : []));
  const [source] = sources;
  if (source === undefined || sources.length < operands.length)
    throw fail("USAGE", { problem: "neither the source nor the target is in a VM", next });
  if (target.kind === "host") return { way: "out", sources, target: target.path };
  if (sources.length === 1) return { way: "out-tar", source };
  throw fail("USAGE", { problem: "only one source can be written to stdout", next: "call it once for each source" });
}
