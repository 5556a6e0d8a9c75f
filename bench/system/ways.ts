/** The two ways to run banger on one host: its owner's, through the services, and another user's, with a daemon of their own. */
import type { Ended } from "../../test/system/host/command.ts";
import type { SystemHost, UserName } from "../../test/system/host/host.ts";
import { other, owner } from "../../test/system/host/rootfs.ts";

export type Way = {
  /** Runs `banger` to its end. @throws when its status is not 0 */
  banger(args: string[]): Promise<Ended>;
  /** The same with a file of the host as its input. */
  bangerWith(file: string, args: string[]): Promise<Ended>;
};

export type Ways = Record<"system" | "rootless", Way>;

/** Installs the services, and gives the other user the image and kernel that their owner has. */
export async function twoWays(host: SystemHost): Promise<Ways> {
  await host.shell(`set -e; cd /home/${owner.name}; cp -a .local .cache .config /home/${other.name}
chown -R ${other.name}: /home/${other.name}`);
  await host.install();
  return { system: wayOf(host, owner.name), rootless: wayOf(host, other.name) };
}

function wayOf(host: SystemHost, user: UserName): Way {
  const ok = async (argv: string[]) => {
    const ended = await host.as(user, argv);
    if (ended.code === 0) return ended;
    throw new Error(`${argv.join(" ")} of ${user} ended with ${ended.code ?? ended.signal}: ${ended.stderr}`);
  };
  return {
    banger: (args) => ok(["banger", ...args]),
    bangerWith: (file, args) => ok(["sh", "-c", 'exec "$@" <"$0"', file, "banger", ...args]),
  };
}
