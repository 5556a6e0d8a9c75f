/** Tells systemd how far a service is: sd_notify(3), the protocol of `NOTIFY_SOCKET`. */
import { sendDatagram } from "../libc.ts";

/** `READY=1` when it serves, `STOPPING=1` when it begins to stop. */
export type Notify = (state: "READY=1" | "STOPPING=1") => void;

/**
 * Takes the variable out of the environment, so that no child speaks for the service. Outside of a service nothing is sent.
 * @throws when systemd's socket does not take the message: without it systemd would wait, and then end the service
 */
export function takeNotify(env: Record<string, string | undefined>): Notify {
  const socket = env["NOTIFY_SOCKET"];
  delete env["NOTIFY_SOCKET"];
  if (!socket) return () => {};
  // an abstract socket is written with @ for its leading NUL
  const path = socket.startsWith("@") ? `\0${socket.slice(1)}` : socket;
  return (state) => {
    if (!sendDatagram(path, new TextEncoder().encode(`${state}\n`)))
      throw new Error(`systemd's socket ${socket} does not take ${state}`);
  };
}
