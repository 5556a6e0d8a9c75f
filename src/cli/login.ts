/** The user's login at a registry: from the flags, else from the files of docker and podman. */
import { fail } from "../base/errors/error.ts";
import type { Credential } from "../model/credential.ts";
import type { CliContext } from "./context.ts";

export type LoginFlags = { username?: string; passwordStdin?: boolean };

/** null: the flags name no user. @throws USAGE */
export async function loginOf(context: CliContext, flags: LoginFlags): Promise<Credential | null> {
  const { username, passwordStdin = false } = flags;
  if (username === undefined && !passwordStdin) return null;
  const next = "give both: `echo $TOKEN | banger image pull NAME --username NAME --password-stdin`";
  if (username === undefined) throw fail("USAGE", { problem: "--password-stdin needs --username", next });
  if (!passwordStdin) throw fail("USAGE", { problem: "--username needs --password-stdin", next });
  const password = (await context.readStdin(maxPassword)).replace(/\r?\n$/, "");
  if (password === "" || /[\r\n\0]/.test(password)) {
    throw fail("USAGE", { problem: "stdin does not contain a password of one line", next });
  }
  return { username, password };
}

const maxPassword = 65_536;
