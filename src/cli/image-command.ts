/** What runs in a VM when nobody names a command: a shell, or what the image was made for. */
import { fail } from "../base/errors/error.ts";
import type { VmView } from "../model/vm.ts";
import type { CliContext } from "./context.ts";

export type CommandWanted = {
  /** what stood behind `--`; null: nothing */
  argv: readonly string[] | null;
  /** the program that replaces the image's own */
  entrypoint?: string | undefined;
};

/** The command, or null for the login shell. @throws USAGE when the image has neither */
export async function commandFor(
  context: CliContext,
  vm: VmView,
  { argv, entrypoint }: CommandWanted,
): Promise<readonly string[] | null> {
  if (entrypoint !== undefined) return [entrypoint, ...(argv ?? [])];
  if (argv !== null) return argv;
  const { digest, name } = vm.spec.image;
  const image = await context.api.json("showImage", { name: digest });
  if (image.shell) return null;
  const own = [...image.config.entrypoint, ...image.config.cmd];
  if (own.length > 0) return own;
  throw fail("USAGE", {
    problem: `image "${name}" has neither a shell nor a command of its own`,
    next: "name a command, as in `banger vm run --image IMAGE -- /program`",
  });
}
