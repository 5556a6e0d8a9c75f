/** Starts a passt as for a VM, and ends it: for `banger doctor`. */
import { toBangerError } from "../base/errors/error.ts";
import type { NetworkFact } from "../doctor/facts.ts";
import { removeTree } from "../host/files/files.ts";
import { makeScratch } from "../host/files/scratch.ts";
import { vmPaths } from "../model/paths.ts";
import { createUserNetwork, type UserNetworkDeps } from "../network/user.ts";

export type TryNetwork = Pick<UserNetworkDeps, "exec" | "which" | "agent" | "mayFallBack"> & {
  /** where it may create a folder; the path is short enough for a socket */
  folder: string;
};

/** Never rejects; leaves nothing behind. */
export async function tryNetwork({ folder, mayFallBack, ...deps }: TryNetwork): Promise<NetworkFact> {
  const falls = await mayFallBack().catch(() => false);
  const failure = await failureOf(deps, folder).catch((error: unknown) => {
    const { details, message, hint } = toBangerError(error);
    return { failure: String(details["reason"] ?? message), fix: String(details["install"] ?? hint) };
  });
  return { ...(failure ?? { failure: null, fix: "" }), mayFallBack: falls };
}

/** Null: it starts. @throws NETWORK_FAILED, and errors of creating the folder */
async function failureOf(deps: Omit<TryNetwork, "folder" | "mayFallBack">, parent: string): Promise<null> {
  const paths = vmPaths(await makeScratch(parent));
  const never = { mayFallBack: async () => false, hostNetworks: async () => [] };
  const network = createUserNetwork({ ...deps, ...never });
  try {
    const { process } = await network.prepare(paths, [], ["stream"]);
    if (process) await network.stop(process, paths);
    return null;
  } finally {
    await removeTree(paths.directory);
  }
}
