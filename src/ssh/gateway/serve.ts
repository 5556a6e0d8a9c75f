/**
 * An SSH server for one connection, that of the user's own client: sessions with commands, shells and sftp in the guest, and connections to its
 * ports and sockets. Only this folder imports the package `ssh2`; the guest's own sshd is not involved.
 */
import type { Duplex } from "node:stream";
import { type AuthContext, type Connection, Server } from "ssh2";
import { readPublicLine } from "../public-line.ts";
import { type Attempt, admits, maxTries } from "./admission.ts";
import { serveChannels } from "./channels.ts";
import type { Guest } from "./guest.ts";
import type { Places } from "./places.ts";
import { isSignedBy } from "./signature.ts";

export type GatewayOptions = {
  /** private key in OpenSSH's form */
  hostKey: string;
  /** public keys that may log in, as lines of authorized_keys */
  accepted: readonly string[];
  guest: Guest;
  /** tells the user, beside the connection, what ssh has no words for: one line */
  say(text: string): void;
};

/** Resolves when the client has gone, and the guest has got what it sent. */
export function serveSsh(socket: Duplex, { hostKey, accepted, guest, say }: GatewayOptions): Promise<void> {
  const over = Promise.withResolvers<void>();
  let places: Places | null = null;
  const end = () => over.resolve(places?.settled());
  const keys = accepted.flatMap((line) => readPublicLine(line)?.blob ?? []);
  const server = new Server({ hostKeys: [hostKey], ident: "banger" }, (client) => {
    const user = admit(client, keys);
    // what the client did wrong is said to it, and the connection ends
    client.on("error", () => {});
    client.on("close", end);
    client.on("ready", () => {
      places = serveChannels(client, guest, user(), say);
    });
  });
  socket.on("error", end);
  socket.on("close", end);
  // it uses what a duplex stream has
  server.injectSocket(socket as Parameters<Server["injectSocket"]>[0]);
  return over.promise;
}

/** @returns the name that the client has logged in with */
function admit(client: Connection, keys: readonly Uint8Array[]): () => string {
  let refused = 0;
  let user = "root";
  client.on("authentication", (context) => {
    if (admits(attemptOf(context), keys)) {
      user = context.username;
      return context.accept();
    }
    refused += 1;
    context.reject(["publickey"]);
    if (refused >= maxTries) client.end();
  });
  return () => user;
}

function attemptOf(context: AuthContext): Attempt {
  if (context.method !== "publickey") return { method: "other" };
  const { key, signature, blob, hashAlgo } = context;
  if (!signature || !blob) return { method: "publickey", key: key.data, isSigned: false };
  const verify = () => isSignedBy({ algorithm: key.algo, key: key.data, message: blob, signature, hash: hashAlgo });
  return { method: "publickey", key: key.data, isSigned: true, verify };
}
