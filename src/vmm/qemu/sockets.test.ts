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
    { how: "listen", path: "/v/qmp.sock" },
    { how: "listen", path: "/v/agent.sock" },
    { how: "connect", path: "/v/boot.sock" },
    { how: "connect", path: "/v/net.sock" },
  ]);
  expect(sockets).toEqual({
    qmp: { kind: "descriptor", fd: 3 },
    agent: { kind: "descriptor", fd: 4 },
    boot: { kind: "descriptor", fd: 5 },
    net: { kind: "descriptor", fd: 6 },
  });
});

test("QEMU's own network, or none, needs no socket", () => {
  for (const net of [null, { kind: "builtin", mac: "02:00:00:00:00:01" } as const]) {
    const { sockets, inherited } = inheritedSockets(paths, net);
    expect(inherited.map(({ path }) => path)).toEqual(Object.values(paths));
    expect(sockets.net).toBeUndefined();
  }
});
