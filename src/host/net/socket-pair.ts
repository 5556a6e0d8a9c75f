/** A stream whose other end is a descriptor for another process. */

import * as fs from "node:fs";
import net from "node:net";
import type { ByteStream } from "../../base/bytes.ts";
import { socketPair } from "../libc.ts";
import { streamOf } from "./socket.ts";

export type StreamPair = {
  stream: ByteStream;
  /** close-on-exec; owned by this process until `closeOther` */
  other: number;
  /** Call it once the descriptor was passed on, or will not be: only then does `stream` end when the other process closes its copy. */
  closeOther(): void;
};

/** A connected pair of unix stream sockets. @throws when the process has no descriptors left */
export function streamPair(): StreamPair {
  const pair = socketPair();
  if (pair === null) throw new Error("no pair of sockets could be made: the process may have too many open files");
  const [ours, other] = pair;
  return { stream: streamOfDescriptor(ours), other, closeOther: () => fs.closeSync(other) };
}

/** A stream for a connected socket, which it owns from now on. */
export function streamOfDescriptor(fd: number): ByteStream {
  return streamOf(net.connect({ fd, allowHalfOpen: true } as unknown as net.NetConnectOpts));
}
