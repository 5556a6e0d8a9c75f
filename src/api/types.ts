/**
 * The types of the daemon's API, from `requests.ts` and `answers.ts`: imported as types only, so that the CLI does not load zod.
 * `docs/api.md` describes them.
 */
import type * as z from "zod/mini";
import type { byRoute } from "./answers.ts";
import type { bodies } from "./requests.ts";
import type { RouteName } from "./routes.ts";

/** Bumped when an older CLI could not continue; sent in `GET /v1/daemon` and the `Banger-Api` header of every answer. */
export const apiVersion = 1;

/** `POST /v1/daemon/stop?when=…`: at once; only if nothing is in use, else DAEMON_IN_USE; or as soon as nothing is */
export const stopTimes = ["now", "unused", "idle"] as const;
export type StopTime = (typeof stopTimes)[number];

/** `GET /v1/vms/{name}/logs?source=…`: the guest's console, or what the VMM printed */
export const logSources = ["console", "vmm"] as const;

/** `GET /v1/vms/{name}/agent`, `Upgrade: banger-agent/1`: agent frames with tag 0; verbs a client may open. */
export const clientVerbs = ["exec", "resume", "put", "get", "dial", "listen", "accept", "ports", "stats"] as const;

type Bodies = typeof bodies;
type Answers = typeof byRoute;

/** The body of a route that takes one. */
export type BodyOf<R extends RouteName> = R extends keyof Bodies ? z.output<Bodies[R]> : Record<never, never>;
/** Routes whose body is not empty. */
export type BodyRoute = keyof Bodies;
/** What a route answers: the value, or the last event's. */
export type AnswerOf<R extends keyof Answers> = z.output<Answers[R]>;

export type CreateVm = BodyOf<"createVm">;
export type DaemonInfo = AnswerOf<"daemonInfo">;
export type InUse = DaemonInfo["inUse"][number];
export type HostInfo = AnswerOf<"host">;
