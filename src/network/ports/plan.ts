/** Which ports of a guest are forwarded. Pure. */
import { maxForwarded } from "../../model/ports.ts";

/** How long a port stays forwarded once the guest has stopped to listen, in `ms`: one that flaps costs nothing then. */
export const lingerMs = 1000;

/** A port that is forwarded. */
export type Held = {
  port: number;
  /** monotonic time in `ms` of the last report that had it */
  seenAt: number;
};

export type ForwardPlan = {
  open: number[];
  close: number[];
  /** listening ports beyond the limit */
  left: number;
  /** when to plan again, in `ms` from now, as a port is to be closed then; null: at the next report */
  againMs: number | null;
};

/**
 * Ports that are forwarded stay so: a guest can't push one out with others. Of new ones the lowest come first.
 * @param listening as the guest reports it @param now monotonic time in `ms`
 */
export function planForwards(held: readonly Held[], listening: Iterable<number>, now: number): ForwardPlan {
  const wanted = new Set(listening);
  const isDue = ({ port, seenAt }: Held) => !wanted.has(port) && now - seenAt >= lingerMs;
  const close = held.filter(isDue).map(({ port }) => port);
  const kept = held.filter((one) => !isDue(one));
  const lingering = kept.filter(({ port }) => !wanted.has(port)).map(({ seenAt }) => seenAt + lingerMs - now);
  const known = new Set(kept.map(({ port }) => port));
  const fresh = [...wanted].filter((port) => !known.has(port)).sort((one, other) => one - other);
  const open = fresh.slice(0, Math.max(0, maxForwarded - kept.length));
  return {
    open,
    close,
    left: fresh.length - open.length,
    againMs: lingering.length > 0 ? Math.max(1, Math.min(...lingering)) : null,
  };
}
