import { expect, test } from "bun:test";
import { inheritedSockets } from "./sockets.ts";

const paths = { qmp: "/v/qmp.sock", agent: "/v/agent.sock", boot: "/v/boot.sock" };

test("each socket has the number that `confine` gives it", () => {
  const { sockets, inherited } = inheritedSockets(paths, {
    kind: "stream",
    socket: "/v/net.sock",
    mac: "02:00:00:00:00:01",
  });
  expect(inherited).toEqual([
    { how: "listen", name: "/v/qmp.sock" },
    { how: "listen", name: "/v/agent.sock" },
    { how: "connect", name: "/v/boot.sock" },
    { how: "connect", name: "/v/net.sock" },
  ]);
  expect(sockets).toEqual({
    qmp: { kind: "descriptor", fd: 3 },
    agent: { kind: "descriptor", fd: 4 },
    boot: { kind: "descriptor", fd: 5 },
    net: { kind: "descriptor", fd: 6 },
  });
});

test("a TAP interface is a descriptor too", () => {
  const { sockets, inherited } = inheritedSockets(paths, {
    kind: "tap",
    name: "bgr-abcd1234",
    mac: "02:00:00:00:00:01",
  });
  expect(inherited.at(-1)).toEqual({ how: "tap", name: "bgr-abcd1234" });
  expect(sockets.net).toEqual({ kind: "descriptor", fd: 6 });
});

test("QEMU's own network, or none, needs no socket", () => {
  for (const net of [null, { kind: "builtin", mac: "02:00:00:00:00:01" } as const]) {
    const { sockets, inherited } = inheritedSockets(paths, net);
    expect(inherited.map(({ name }) => name)).toEqual(Object.values(paths));
    expect(sockets.net).toBeUndefined();
  }
});
