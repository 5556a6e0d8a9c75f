import { expect, test } from "bun:test";
import { answerTo } from "./cable.ts";

const guest = "020000000001";
const gateway = "0200000000fe";
const frame = (...parts: string[]) => Buffer.from(parts.join(""), "hex");

test("a question for the gateway's address is answered with its MAC", () => {
  const ask = (address: string) =>
    frame("ffffffffffff", guest, "0806", "0001080006040001", guest, "c0000202", "000000000000", address);
  const reply = frame(guest, gateway, "0806", "0001080006040002", gateway, "c0000201", guest, "c0000202");
  expect(answerTo(ask("c0000201"))).toEqual(reply);
  expect(answerTo(ask("c0000209"))).toBeNull();
});

test("a ping is answered, with a checksum that is right", () => {
  const header = "450000200000400040010000";
  const ping = frame(gateway, guest, "0800", header, "c0000202", "c0000201", "0800f7fa00010003", "01020304");
  const pong = frame(guest, gateway, "0800", header, "c0000201", "c0000202", "0000fffa00010003", "01020304");
  expect(answerTo(ping)).toEqual(pong);
});

test("anything else is ignored", () => {
  expect(answerTo(frame(gateway, guest, "86dd"))).toBeNull();
  expect(answerTo(frame(""))).toBeNull();
});
