/**
 * Waits for the system service while systemd restarts it, so that sessions go on in the next daemon. Nothing is polled: the socket's folder
 * is watched, and systemd is asked again after each change there.
 */
import { Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { watchNearest } from "../host/net/socket-file.ts";
import { hostPace } from "../host/pace.ts";
import { createExec } from "../host/process/exec-node.ts";
import { connectIfRunning, type DaemonPlace, unreachable } from "./connect.ts";

const limitMs = () => Math.round(30_000 * hostPace());

export type ServiceWorld = {
  /** null: nobody listens */
  connect(): Promise<ByteStream | null>;
  /** whether systemd is about to start the service, or believes that it runs */
  isComing(): Promise<boolean>;
  watch(onChange: () => void): { close(): void };
  limitMs: number;
};

/** @throws DAEMON_UNREACHABLE at once if systemd is not about to start it */
export async function connectService(place: DaemonPlace, world = worldOf(place)): Promise<ByteStream> {
  let changed = new Deferred<void>();
  const watcher = world.watch(() => changed.resolve());
  const late = new Deferred<"late">();
  const timer = setTimeout(() => late.resolve("late"), world.limitMs);
  try {
    for (;;) {
      const stream = await world.connect();
      if (stream) return stream;
      if (!(await world.isComing())) throw unreachable(place, "nobody listens there");
      if ((await Promise.race([changed.promise, late.promise])) === "late")
        throw unreachable(place, `the service was not ready after ${world.limitMs / 1000} s`);
      changed = new Deferred<void>();
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}

function worldOf(place: DaemonPlace): ServiceWorld {
  const exec = createExec(place.env);
  const folder = place.socket.slice(0, place.socket.lastIndexOf("/"));
  return {
    connect: () => connectIfRunning(place),
    async isComing() {
      const argv = ["systemctl", "show", "--property=ActiveState", "--property=Job", "bangerd.service"];
      const { stdout } = await exec(argv, { timeoutMs: 10_000 });
      return isComing(new TextDecoder().decode(stdout));
    },
    watch: (onChange) => watchNearest(folder, onChange),
    limitMs: limitMs(),
  };
}

/** Of `systemctl show`: a stopped or failed unit without a job (systemd's word for a start that is queued) stays down. */
export function isComing(shown: string): boolean {
  const properties = new Map(shown.split("\n").map((line) => line.split("=", 2) as [string, string]));
  const hasJob = !["", "0", undefined].includes(properties.get("Job"));
  return hasJob || ["active", "activating", "reloading", "deactivating"].includes(properties.get("ActiveState") ?? "");
}
