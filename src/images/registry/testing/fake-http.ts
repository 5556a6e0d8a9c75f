/** Other hosts as a function of the request: for what a test on loopback can't have, such as a name in another network. */
import { zoneOfHost } from "../../../base/zone.ts";
import type { Http, OutgoingRequest, ZoneOf } from "../../../host/net/http-fetch.ts";

export type Reply = { status: number; headers?: Record<string, string>; body?: string };

export type FakeHttp = { http: Http; zoneOf: ZoneOf; asked: OutgoingRequest[] };

/** @param reply throws what the connection would throw */
export function fakeHttp(reply: (request: OutgoingRequest) => Reply): FakeHttp {
  const asked: OutgoingRequest[] = [];
  const http: Http = async (request) => {
    request.signal.throwIfAborted();
    asked.push(request);
    const { status, headers = {}, body = "" } = reply(request);
    return { status, header: (name) => headers[name] ?? null, body: bytesOf(body), close: () => {} };
  };
  const zoneOf: ZoneOf = async (url) => zoneOfHost(new URL(url).hostname) ?? "public";
  return { http, zoneOf, asked };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array, void, void> {
  yield Buffer.from(text);
}
