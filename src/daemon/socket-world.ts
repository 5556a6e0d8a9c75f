/** The socket keeper's world, for real. */
import { ensureFolder, removeTree } from "../host/files.ts";
import { fileIdentity, isForeign, moveSocket, watchNearest } from "../host/socket-file.ts";
import type { Listener, SocketWorld } from "./socket-keeper.ts";

export function socketWorld(listen: (path: string) => Promise<Listener>): SocketWorld {
  return {
    listen,
    ensureFolder,
    rename: moveSocket,
    remove: removeTree,
    identityOf: fileIdentity,
    isForeign,
    watch: watchNearest,
  };
}
