/** The VMM that a new VM is to have: what the request names, else what the config names; and where Firecracker is. Pure. */
import type { Config } from "./config.ts";
import { absolutePath } from "./home-path.ts";

export type WantedVmm = {
  /** the name of a driver, or `auto` */
  choice: string;
  /** who named it, as a clause */
  why: string;
};

export function vmmChoice(asked: string | undefined, { vmm }: Pick<Config, "vmm">): WantedVmm {
  if (asked !== undefined) return { choice: asked, why: "as requested" };
  return { choice: vmm, why: "as the config says" };
}

/** The path of Firecracker's program that the config names; null: the one in PATH. @param home the user's */
export function firecrackerProgram({ firecrackerBin }: Pick<Config, "firecrackerBin">, home: string): string | null {
  return firecrackerBin === null ? null : absolutePath(firecrackerBin, home);
}
