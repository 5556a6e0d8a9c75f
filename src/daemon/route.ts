/** How a route's handler is written: its name and its work; method, path, body and answer come from `api/`. */
import type * as z from "zod/mini";
import type { byRoute } from "../api/answers.ts";
import { bodies } from "../api/requests.ts";
import type { RouteName, routes } from "../api/routes.ts";
import type { AnswerOf, BodyOf } from "../api/types.ts";
import type { HttpExchange } from "../host/net/http-server.ts";
import type { Emit } from "../model/event.ts";
import { answerBytes, answerJson, answerWork } from "./answers.ts";
import { readJson } from "./body.ts";
import type { Daemon } from "./daemon.ts";
import type { UseEntry } from "./in-use.ts";

/** One request: the name in its path, its body, and the exchange for handlers that need it. */
export type Asked<R extends RouteName> = {
  /** the path's variable part; empty where there is none */
  name: string;
  body: BodyOf<R>;
  exchange: HttpExchange;
  use: UseEntry;
};

/** A route's work; it answers, or throws the error to answer with. */
export type Handler = (daemon: Daemon, asked: Omit<Asked<RouteName>, "body">) => Promise<void>;

type Answering<Kind extends string> = {
  [R in RouteName]: (typeof routes)[R]["answers"] extends Kind ? R : never;
}[RouteName];
type Named<R extends RouteName> = Record<R, Handler>;
type Answers = typeof byRoute;

/** Answers one JSON value. */
export function json<R extends Answering<"json"> & keyof Answers>(
  route: R,
  work: (daemon: Daemon, asked: Asked<R>) => AnswerOf<R> | Promise<AnswerOf<R>>,
): Named<R> {
  return named(route, async (daemon, asked) => answerJson(asked.exchange, await work(daemon, asked)));
}

/** Answers the events of long work and, as the last of them, its value. */
export function work<R extends Answering<"events"> & keyof Answers>(
  route: R,
  body: (daemon: Daemon, asked: Asked<R>, emit: Emit) => Promise<AnswerOf<R>>,
): Named<R> {
  return named(route, (daemon, asked) => answerWork(asked.exchange, daemon.log, (emit) => body(daemon, asked, emit)));
}

/** Answers a stream of bytes: `body` hands it to `send`. */
export function bytes<R extends Answering<"bytes">>(
  route: R,
  body: (daemon: Daemon, asked: Asked<R>, send: (bytes: AsyncIterable<Uint8Array>) => Promise<void>) => Promise<void>,
): Named<R> {
  return named(route, (daemon, asked) => body(daemon, asked, (stream) => answerBytes(asked.exchange, stream)));
}

/** The handler answers by itself. */
export function special<R extends RouteName>(
  route: R,
  body: (daemon: Daemon, asked: Asked<R>) => Promise<void>,
): Named<R> {
  return named(route, body);
}

function named<R extends RouteName>(route: R, run: (daemon: Daemon, asked: Asked<R>) => Promise<void>): Named<R> {
  const handler: Handler = async (daemon, asked) =>
    run(daemon, { ...asked, body: await bodyOf(route, asked.exchange) });
  return { [route]: handler } as Named<R>;
}

/** Empty for a route that takes no body; one that is sent all the same is not read. @throws REQUEST_INVALID, REQUEST_TOO_LARGE */
async function bodyOf<R extends RouteName>(route: R, exchange: HttpExchange): Promise<BodyOf<R>> {
  if (!(route in bodies)) return {} as BodyOf<R>;
  const schema = bodies[route as keyof typeof bodies] as unknown as z.ZodMiniType<BodyOf<R>>;
  return readJson(exchange, schema);
}
