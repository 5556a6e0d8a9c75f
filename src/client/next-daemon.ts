/** The daemon that replaced the one this program started with; after an upgrade it may be a newer version. */
import type { Api } from "./api.ts";
import type { DaemonAccess } from "./dependencies.ts";

/** Talks to the current daemon in its own version; starts one if none is running. */
export async function nextApi({ api, version, runningApi }: DaemonAccess): Promise<Api> {
  const { version: current } = await api.json("daemonInfo");
  const newer = current === version ? null : await runningApi(current);
  return newer ?? api;
}
