/** The users and groups of a guest, from its own files. */
import { isError } from "../base/errors/error.ts";
import { textOfTar } from "../imagefile/accounts.ts";
import { getTar } from "../wire/agent/get.ts";
import type { AgentClient } from "../wire/agent/types.ts";

/** `/etc/passwd` and `/etc/group`, unchecked; empty when there is none. */
export type Accounts = { passwd: string; group: string };

export const noAccounts: Accounts = { passwd: "", group: "" };

/** @throws SESSION_LOST, TarError, the signal's reason */
export async function readAccounts(client: AgentClient, signal: AbortSignal): Promise<Accounts> {
  const read = async (path: string) => {
    try {
      return (await textOfTar(getTar(client, { path }, signal))) ?? "";
    } catch (error) {
      if (isError(error, "AGENT_REFUSED")) return "";
      throw error;
    }
  };
  return { passwd: await read("/etc/passwd"), group: await read("/etc/group") };
}
