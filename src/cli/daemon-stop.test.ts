/** Transcripts of `daemon status` and `daemon stop`. */
import { expect, test } from "bun:test";
import { fakeAgent } from "../wire/agent/testing/fake.ts";
import { cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

test("daemon status shows pid, version and socket", async () => {
  const { cli, served } = await world();
  const info = JSON.parse((await cli("daemon status --json")).stdout);
  expect(info).toMatchObject({ pid: process.pid, socket: served.socket });
  expect(typeof info.version).toBe("string");
  expect((await cli("daemon stop")).stdout).toContain("VMs keep running");
  expect(served.stops).toBe(1);
});

test("daemon stop lists what would end, and asks on a terminal", async () => {
  const { cli, served } = await world({ verbs: { exec: (served) => void served.accept({ pid: 1 }) } });
  let end = () => {};
  const onSignals = (send: (signal: string) => void) => {
    end = () => send("TERM");
  };
  const run = cli("vm run --rm --name a -- sleep 9", { stdin: null, onSignals });
  const vm = () => served.machines.all()[0];
  const refused = async (call = {}, status = 4) => {
    const { code, stderr } = await cli("daemon stop", call);
    expect([code, stderr]).toEqual([status, expect.stringContaining('VM "a", which is deleted when its command ends')]);
    expect(served.stops).toBe(0);
  };
  while (vm()?.state !== "running") await Bun.sleep(1);
  await refused();
  await refused({ terminal: true, stdin: "n" }, 1);
  expect((await cli("daemon stop --json", { terminal: true, stdin: "y" })).code).toBe(4);
  expect((await cli("daemon stop --force --when-idle")).code).toBe(2);
  expect((await cli("daemon stop", { terminal: true, stdin: "y" })).code).toBe(0);
  expect((await cli("daemon stop --force")).code).toBe(0);
  expect(served.stops).toBe(2);
  const waits = cli("daemon stop --when-idle");
  end();
  end();
  await run;
  expect(await waits).toMatchObject({ code: 0, stderr: expect.stringContaining("waiting for") });
  expect(served.stops).toBe(3);
});

test("daemon stop does not ask about a command that can be resumed", async () => {
  const { cli, served } = await world(
    {},
    {
      relay: async (line, upstream, { onResumable }) => {
        fakeAgent(line, { plain: true });
        onResumable?.(true);
        await upstream.closed;
        line.destroy();
      },
    },
  );
  let end = () => {};
  const onSignals = (send: (signal: string) => void) => {
    end = () => send("TERM");
  };
  const run = cli("vm run --rm --name a -- sleep 9", { stdin: null, onSignals });
  const isInSession = async () => (await cli("daemon status --json")).stdout.includes("a session in VM");
  while (!(await isInSession())) await Bun.sleep(1);
  const stopped = await cli("daemon stop");
  expect([stopped.code, served.stops]).toEqual([0, 1]);
  expect(stopped.stdout).toContain("VMs keep running, and sessions in them continue through the next daemon\n");
  end();
  end();
  await run;
});
