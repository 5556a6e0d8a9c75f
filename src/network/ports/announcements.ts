/** Which ports of a guest are announced to its user. */
import { maxForwarded } from "../../model/ports.ts";

/** A port is not announced again within this time, in `ms`: a server that restarts, or one that flaps, is known already. */
export const quietMs = 60_000;

/**
 * What listened before the VM's first session is a service of its image and never announced, nor is anything while there was no session.
 * At most `maxForwarded` different ports are announced.
 */
export class Announcements {
  #services: ReadonlySet<number> | null = null;
  readonly #announcedAt = new Map<number, number>();

  /** @param listening when the VM's first session began */
  begin(listening: Iterable<number>): void {
    this.#services ??= new Set(listening);
  }

  get hasBegun(): boolean {
    return this.#services !== null;
  }

  isService(port: number): boolean {
    return this.#services === null || this.#services.has(port);
  }

  /** Whether to announce it, which then counts as done. @param now monotonic time in `ms` */
  announce(port: number, now: number): boolean {
    if (this.isService(port)) return false;
    const last = this.#announcedAt.get(port);
    if (last === undefined ? this.#announcedAt.size >= maxForwarded : now - last < quietMs) return false;
    this.#announcedAt.set(port, now);
    return true;
  }
}
