/** Chooses what runs in a VM: the command that was typed, the image's own as a container engine would run it, or a shell. */
import type { ImageConfig } from "../../model/artifact.ts";
import type { VmView } from "../../model/vm.ts";
import type { DaemonAccess } from "../dependencies.ts";

export type CommandWanted = {
  /** the words after `--`; null without `--` */
  argv: readonly string[] | null;
  /** the program that replaces the image's own */
  entrypoint?: string | undefined;
  /** run the image's own command even if it has a shell */
  init?: boolean | undefined;
};

export type Command = {
  /** null: the login shell */
  argv: readonly string[] | null;
  /** what to run if that shell refuses logins, as the shells of service users do */
  instead?: readonly string[];
  /** run it as PID 1 of a process namespace, as in a container */
  pid1?: boolean;
};

type ImageFacts = { shell: boolean; config: Pick<ImageConfig, "entrypoint" | "cmd"> };

/** @returns null when the image has neither a shell nor a command */
export function chooseCommand(image: ImageFacts, { argv, entrypoint, init }: CommandWanted): Command | null {
  if (entrypoint !== undefined) return { argv: [entrypoint, ...(argv ?? [])], pid1: true };
  if (argv !== null && !init) return { argv };
  const own = [...image.config.entrypoint, ...(argv ?? image.config.cmd)];
  if (image.shell && !init) return { argv: null, instead: own };
  return own.length > 0 ? { argv: own, pid1: true } : null;
}

/** As `chooseCommand`; requests the image only if the choice depends on it. */
export async function commandOf(
  { api }: Pick<DaemonAccess, "api">,
  vm: VmView,
  wanted: CommandWanted,
): Promise<Command | null> {
  const isTyped = wanted.entrypoint !== undefined || (wanted.argv !== null && !wanted.init);
  if (isTyped) return chooseCommand({ shell: false, config: { entrypoint: [], cmd: [] } }, wanted);
  return chooseCommand(await api.json("showImage", { name: vm.spec.image.digest }), wanted);
}
