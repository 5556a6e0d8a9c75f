import { expect, test } from "bun:test";
import { fakeClock } from "../../host/testing/clock.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import { decodeAnswer, queryBytes } from "../../wire/dns/testing/messages.ts";
import { Responder } from "./responder.ts";

function responder() {
  const log = memoryLogger();
  const clock = fakeClock();
  const state = { isBroken: false };
  const addressOf = () => {
    if (state.isBroken) throw new Error("the database is gone");
    return "172.16.0.5";
  };
  const made = new Responder({
    network: { address: "172.16.0.1", prefix: 24 },
    names: { addressOf, nameOf: addressOf },
    log,
    clock,
    ownAddresses: () => ["192.0.2.7"],
  });
  return { log, clock, state, made };
}

const query = queryBytes({ name: ["x", "vm"] });

test("guests and this host are answered, others are not", () => {
  const { made, log } = responder();
  for (const from of ["172.16.0.9", "172.16.0.1", "127.0.0.1", "192.0.2.7"])
    expect(made.answerDatagram(query, from)).not.toBeNull();
  for (const from of ["192.0.2.8", "172.16.1.1", "10.0.0.1"]) expect(made.answerDatagram(query, from)).toBeNull();
  expect(log.lines).toHaveLength(1);
});

test("who is refused is logged at most once a minute, with how many there were", () => {
  const { made, log, clock } = responder();
  const ask = () => made.answerDatagram(query, "198.51.100.1");
  for (let count = 0; count < 5; count++) ask();
  clock.advance(59_999);
  ask();
  expect(log.lines).toHaveLength(1);
  clock.advance(1);
  ask();
  expect(log.lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: "warn", from: "198.51.100.1", count: 1 },
    { from: "198.51.100.1", count: 6 },
  ]);
});

test("names that can't be looked up: SERVFAIL, and a line in the log at most once a minute", () => {
  const { made, log, state, clock } = responder();
  const ask = () => decodeAnswer(made.answerDatagram(query, "172.16.0.9") ?? Buffer.alloc(0));
  state.isBroken = true;
  expect([ask(), ask()]).toMatchObject([{ rcode: 2, flags: ["rd"], question: "x.vm. A 1" }, { rcode: 2 }]);
  expect(log.lines).toHaveLength(1);
  state.isBroken = false;
  expect(ask().rcode).toBe(0);
  state.isBroken = true;
  expect(ask().rcode).toBe(2);
  expect(log.lines).toHaveLength(1);
  clock.advance(60_000);
  ask();
  expect(log.lines.map((line) => JSON.parse(line))).toMatchObject([{ level: "error", count: 1 }, { count: 3 }]);
});

test("what is no query gets no answer, from guests neither", () => {
  expect(responder().made.answerDatagram(Buffer.alloc(12, 0xff), "172.16.0.9")).toBeNull();
});
