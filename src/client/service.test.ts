import { expect, test } from "bun:test";
import type { ByteStream } from "../base/bytes.ts";
import type { DaemonPlace } from "./connect.ts";
import { connectService, isComing, type ServiceWorld } from "./service.ts";

const owner = { name: "anna", uid: 1000, gid: 1000 };
const place = { socket: "/run/banger/bangerd.sock", foreign: false, owner } as DaemonPlace;
const stream = {} as ByteStream;

/** A service that listens after that many changes, and what systemd says after each. */
function world({
  listensAfter,
  coming,
  limitMs = 1000,
}: {
  listensAfter: number;
  coming: boolean[];
  limitMs?: number;
}) {
  let changes = 0;
  let notify = () => {};
  const asked: number[] = [];
  const change = () => {
    changes += 1;
    notify();
  };
  const made: ServiceWorld = {
    connect: async () => (changes >= listensAfter ? stream : null),
    async isComing() {
      asked.push(changes);
      const answer = coming[changes] ?? false;
      // the change comes while the caller still looks at the answer
      if (changes < coming.length) change();
      return answer;
    },
    watch(onChange) {
      notify = onChange;
      return { close() {} };
    },
    limitMs,
  };
  return { made, asked };
}

test("a service that listens is connected to, and systemd is not asked", async () => {
  const { made, asked } = world({ listensAfter: 0, coming: [] });
  expect(await connectService(place, made)).toBe(stream);
  expect(asked).toEqual([]);
});

test("a restart is waited for", async () => {
  const { made, asked } = world({ listensAfter: 2, coming: [true, true] });
  expect(await connectService(place, made)).toBe(stream);
  expect(asked).toEqual([0, 1]);
});

test("a service that is down, or fails to start, is reported at once with the command that starts it", async () => {
  for (const coming of [[false], [true, false]]) {
    const { made } = world({ listensAfter: 9, coming });
    await expect(connectService(place, made)).rejects.toMatchObject({
      code: "DAEMON_UNREACHABLE",
      message: expect.stringContaining("nobody listens there"),
      hint: "`sudo banger system restart` starts the service",
    });
  }
});

test("a service that never comes is given up", async () => {
  const { made } = world({ listensAfter: 9, coming: [true], limitMs: 10 });
  made.isComing = async () => true;
  await expect(connectService(place, made)).rejects.toThrow("the service was not ready after 0.01 s");
});

test.each([
  ["ActiveState=active\nJob=0\n", true],
  ["ActiveState=activating\nJob=912\n", true],
  ["ActiveState=deactivating\n", true],
  ["ActiveState=inactive\nJob=913\n", true],
  ["ActiveState=inactive\nJob=0\n", false],
  ["ActiveState=inactive\nJob=\n", false],
  ["ActiveState=failed\n", false],
  ["", false],
])("systemd says %j", (shown, expected) => {
  expect(isComing(shown)).toBe(expected);
});
