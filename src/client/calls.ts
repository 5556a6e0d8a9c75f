/** Types of the parameters and responses of each route, for `api.ts`. */
import { type RouteName, routes } from "../api/routes.ts";
import type { AnswerOf, BodyOf, BodyRoute } from "../api/types.ts";

type Table = typeof routes;
type Answering<Kind extends string> = {
  [R in RouteName]: Table[R]["answers"] extends Kind ? R : never;
}[RouteName];
type Taking = { [R in RouteName]: Table[R] extends { takes: "tar" } ? R : never }[RouteName];

/** Routes that respond with one JSON value. */
export type JsonRoute = Answering<"json">;
/** Routes that respond with events, of which the last is the result; the route `events` has no result. */
export type WorkRoute = Exclude<Answering<"events">, Taking | "events">;
/** Routes that take a tar stream, and respond with events and a result. */
export type UploadRoute = Taking;

type NamedRoute = {
  [R in RouteName]: Table[R]["path"] extends `${string}{name}${string}` ? R : never;
}[RouteName];

/** What a call is about, and its body. */
export type Target<R extends RouteName> = (R extends NamedRoute ? { name: string } : unknown) &
  (R extends "showImage" | "showKernel" | "daemonStop" ? { query?: Record<string, string> } : unknown) &
  (R extends BodyRoute ? { body: BodyOf<R> } : unknown);

/** The arguments of a call: none if the route needs none. */
export type TargetOf<R extends RouteName> = unknown extends Target<R> ? [] : [Target<R>];

export type { AnswerOf };

export type WireCall = { method: string; path: string; body?: unknown };

export function wireCall(route: RouteName, target?: object, query: Record<string, string> = {}): WireCall {
  const { name, body } = (target ?? {}) as { name?: string; body?: unknown };
  const { method, path } = routes[route];
  const search = new URLSearchParams(query).toString();
  const filled = path.replace("{name}", encodeURIComponent(name ?? ""));
  return { method, path: search === "" ? filled : `${filled}?${search}`, ...(body === undefined ? {} : { body }) };
}
