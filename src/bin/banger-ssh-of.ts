/** ssh from this host, as the CLI's context has it: the code is loaded when it is used. */
import type { CliContext } from "../cli/context.ts";
import type { DaemonPlace } from "../client/connect.ts";
import type { Terminal } from "../host/terminal/terminal.ts";
import { type Paths, pathsOf, systemPaths, systemRoots } from "../model/paths.ts";

type SshPlace = { place: DaemonPlace; paths: Paths; home: string; stdio: Terminal };

/** Loaded when one of them is called. */
export function sshOf({ place, paths, home, stdio }: SshPlace): CliContext["ssh"] {
  const load = async () => {
    const { sshAccess } = await import("./banger-ssh.ts");
    const used = place.owner ? pathsOf(systemRoots(home)) : paths;
    return sshAccess({ home, own: paths, used, program: stableProgram(), stdio });
  };
  return {
    serve: async (guest) => (await load()).serve(guest),
    writeConfig: async () => (await load()).writeConfig(),
    install: async (include) => (await load()).install(include),
    uninstall: async () => (await load()).uninstall(),
    userConfig: async () => (await load()).userConfig(),
  };
}

/** Path of this program; of an installed one the link that the next version gets, too. */
function stableProgram(): string {
  const { current, programs } = systemPaths();
  return process.execPath.startsWith(`${programs}/`) ? `${current}/banger` : process.execPath;
}
