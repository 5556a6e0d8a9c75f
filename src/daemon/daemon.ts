/** What the routes share: the machines, and the daemon's own facts. */
import type { DaemonInfo, HostInfo } from "../api/types.ts";
import type { ByteStream } from "../base/bytes.ts";
import type { Logger } from "../host/log.ts";
import type { Machines } from "../machines/machines.ts";
import type { RelayOptions } from "../wire/agent/relay.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { UseList } from "./in-use.ts";

export type LogFiles = {
  /** the file's bytes now; missing is empty */
  read(path: string): AsyncIterable<Uint8Array>;
  /** the file's bytes, then what is appended, until aborted; follows the file when it is replaced */
  follow(path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
};

export type Daemon = {
  machines: Machines;
  info(): DaemonInfo;
  host(): Promise<HostInfo>;
  logs: LogFiles;
  inUse: UseList;
  /** Joins a client's connection to a VM's session; resolves when it is over. */
  relay(client: ByteStream, upstream: AgentClient, watch: RelayWatch): Promise<void>;
  /** Begins to stop; resolves when another daemon could take over: socket, database and lock are free. */
  stop(): Promise<void>;
  log: Logger;
};

/** Notices for a client of a VM, and what the daemon learns about its streams. */
export type RelayWatch = Pick<RelayOptions, "notices" | "onResumable">;
