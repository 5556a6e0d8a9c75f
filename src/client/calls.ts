/** What each route takes and answers: the types that `api.ts` gives its callers. */
import { type RouteName, routes } from "../api/routes.ts";
import type { AnswerOf, BodyOf, BodyRoute } from "../api/types.ts";

type Table = typeof routes;
type Answering<Kind extends string> = {
  [R in RouteName]: Table[R]["answers"] extends Kind ? R : never;
}[RouteName];
type Taking = { [R in RouteName]: Table[R] extends { takes: "tar" } ? R : never }[RouteName];

/** Routes that answer one JSON value. */
export type JsonRoute = Answering<"json">;
/** Routes that answer events and, as the last of them, a result; `events` itself has none. */
export type WorkRoute = Exclude<Answering<"events">, Taking | "events">;
/** Routes that take a tar stream, and answer events and a result. */
export type UploadRoute = Taking;

type NamedRoute = {
  [R in RouteName]: Table[R]["path"] extends `${string}{name}${string}` ? R : never;
}[RouteName];

/** Whom a call is about, and what it says. */
export type Target<R extends RouteName> = (R extends NamedRoute ? { name: string } : unknown) &
  (R extends "showImage" | "showKernel" | "daemonStop" ? { query?: Record<string, string> } : unknown) &
  (R extends BodyRoute ? { body: BodyOf<R> } : unknown);

/** The arguments of a call: none where there is nothing to say. */
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
