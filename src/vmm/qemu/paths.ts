/** QEMU's files in a VM's folder. */
import { fail } from "../../base/errors/error.ts";
import { maxSocketPath } from "../../host/net/socket-path.ts";
import { vmPaths } from "../../model/paths.ts";

export type QemuPaths = ReturnType<typeof qemuFiles>;

export function qemuFiles(directory: string) {
  return {
    ...vmPaths(directory),
    qmp: `${directory}/qmp.sock`,
    agent: `${directory}/agent.sock`,
    boot: `${directory}/boot.sock`,
  };
}

/** The same, checked for a QEMU that is about to start. @throws PATH_TOO_LONG */
export function qemuPaths(directory: string): QemuPaths {
  const paths = qemuFiles(directory);
  const tooLong = [paths.qmp, paths.agent, paths.boot].find((path) => Buffer.byteLength(path) > maxSocketPath);
  if (tooLong !== undefined) throw fail("PATH_TOO_LONG", { path: tooLong, limit: maxSocketPath });
  return paths;
}

/** The sockets that a killed QEMU leaves. */
export function socketsIn(directory: string): string[] {
  const { qmp, agent, boot } = qemuFiles(directory);
  return [qmp, agent, boot];
}
