/** The host's side of the socket keeper. */
import { removeTree } from "../host/files/files.ts";
import { ensureOwnFolder } from "../host/files/owner.ts";
import { fileIdentity, isForeign, moveSocket, watchNearest } from "../host/net/socket-file.ts";
import type { Listener, SocketWorld } from "./socket-keeper.ts";

export function socketWorld(listen: (path: string) => Promise<Listener>): SocketWorld {
  return {
    listen,
    ensureFolder: ensureOwnFolder,
    rename: moveSocket,
    remove: removeTree,
    identityOf: fileIdentity,
    isForeign,
    watch: watchNearest,
  };
}
