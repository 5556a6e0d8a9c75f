/** Who one is to a registry: as the flags say, else as docker's and podman's own files do. */
import { fail } from "../base/errors/error.ts";
import type { Credential } from "../model/credential.ts";
import type { CliContext } from "./context.ts";

export type LoginFlags = { username?: string; passwordStdin?: boolean };

/** null: nothing is said here. @throws USAGE */
export async function loginOf(context: CliContext, flags: LoginFlags): Promise<Credential | null> {
  const { username, passwordStdin = false } = flags;
  if (username === undefined && !passwordStdin) return null;
  const next = "give both: `echo $TOKEN | banger image pull NAME --username NAME --password-stdin`";
  if (username === undefined) throw fail("USAGE", { problem: "--password-stdin comes without --username", next });
  if (!passwordStdin) throw fail("USAGE", { problem: "--username comes without --password-stdin", next });
  const password = (await context.readStdin(maxPassword)).replace(/\r?\n$/, "");
  if (password === "" || /[\r\n\0]/.test(password)) {
    throw fail("USAGE", { problem: "stdin holds no password of one line", next });
  }
  return { username, password };
}

const maxPassword = 65_536;
