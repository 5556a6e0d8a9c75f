import { expect, test } from "bun:test";
import { chooseDaemon } from "./place.ts";

const owner = { name: "anna", uid: 1000, gid: 100 };
const systemSocket = "/run/banger/bangerd.sock";
const metadata = { owner };
const system = { kind: "system", socket: systemSocket, owner };
const own = { kind: "own" };
const named = { kind: "named", socket: "/tmp/x.sock" };

test.each([
  ["without an install", 1000, undefined, null, own],
  ["the owner", 1000, undefined, metadata, system],
  ["root", 0, undefined, metadata, system],
  ["another user", 1001, undefined, metadata, own],
  ["an empty BANGER_SOCKET", 1000, "", metadata, system],
  ["the owner who names another socket", 1000, "/tmp/x.sock", metadata, named],
  ["the owner who names the service's socket", 1000, systemSocket, metadata, system],
  ["another user who names another socket", 1001, "/tmp/x.sock", metadata, named],
  ["the service's socket without an install", 1001, systemSocket, null, { kind: "named", socket: systemSocket }],
])("%s", (_who, uid, socket, found, place) => {
  expect(chooseDaemon({ uid, named: socket, metadata: found, systemSocket })).toEqual(place as never);
});

test("another user who names the service's socket is refused, with the owner's name and the way out", () => {
  expect(() => chooseDaemon({ uid: 1001, named: systemSocket, metadata, systemSocket })).toThrow(
    expect.objectContaining({
      code: "SYSTEM_NOT_YOURS",
      message: `the service at ${systemSocket} runs the VMs of anna only`,
      hint: expect.stringContaining("unset BANGER_SOCKET"),
    }),
  );
});
