/** What installing and removing the system service need, on the real host. */
import { dirname } from "node:path";
import { version } from "../base/version.ts";
import { Api } from "../client/api.ts";
import { connectIfRunning, unreachable } from "../client/connect.ts";
import { isFolder, ownUid } from "../host/files/owner.ts";
import { createExec } from "../host/process/exec-node.ts";
import type { Owner } from "../model/install.ts";
import { pathsOf, systemPaths, systemRoots } from "../model/paths.ts";
import type { SystemWorld } from "../system/world.ts";

export function systemWorld(env: Record<string, string | undefined>): SystemWorld {
  const data = systemRoots("");
  return {
    paths: systemPaths(),
    data,
    exec: createExec({ PATH: env["PATH"] ?? "" }),
    uid: ownUid(),
    arch: process.arch,
    hasSystemd: isFolder("/run/systemd/system"),
    sudoUser: env["SUDO_USER"],
    version,
    from: dirname(process.execPath),
    root: 0,
    daemonVersion,
    before() {},
  };
}

async function daemonVersion(owner: Owner): Promise<string> {
  const { socket } = pathsOf(systemRoots(""));
  const place = { socket, foreign: false, owner };
  const connect = async () => {
    const stream = await connectIfRunning(place);
    if (!stream) throw unreachable(place, "nobody listens there");
    return stream;
  };
  return (await new Api({ connect, version, socket }).json("daemonInfo")).version;
}
