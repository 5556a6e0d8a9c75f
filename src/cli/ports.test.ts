/** Transcripts of `vm ports`, `vm docker`, and the flags that publish. */
import { expect, test } from "bun:test";
import { listenForNotices } from "../client/session/notices.ts";
import type { Json } from "../wire/agent/types.ts";
import { cliWorlds } from "./testing/cli.ts";
import { noticePrinter } from "./vm-notices.ts";

const world = cliWorlds();

test("published ports are kept in the VM and listed", async () => {
  const { cli, served } = await world();
  await cli("vm create --name web -p 8080:80 --publish 0.0.0.0:5432:5432");
  expect(await cli("vm ports web")).toEqual({
    code: 0,
    stdout:
      "PORT  REACHED AT      STATE   KIND\n80    127.0.0.1:8080  closed  published\n5432  0.0.0.0:5432    closed  published\n",
    stderr: "",
  });
  await cli("vm start web");
  const [, http, sql] = (await cli("vm ports web")).stdout.split("\n");
  expect(http).toBe("80    http://127.0.0.1:8080  open   published");
  expect(sql).toBe("5432  127.0.0.1:5432         open   published");
  expect((await cli("vm show web")).stdout).toMatch(/^published ports: +127.0.0.1:8080:80, 0.0.0.0:5432:5432$/m);
  expect(JSON.parse((await cli("vm ports web --json")).stdout)[0]).toEqual({
    ...{ guestPort: 80, address: "127.0.0.1", hostPort: 8080 },
    ...{ kind: "published", state: "open", isService: false, problem: null },
  });
  served.host.world.ports.clear();
});

test("a VM without ports", async () => {
  const { cli } = await world();
  await cli("vm create --name web --no-forward");
  expect(await cli("vm ports web")).toMatchObject({
    stdout: "",
    stderr: 'nothing listens in "web", or it does not run\n',
  });
  expect((await cli("vm show web")).stdout).toMatch(/^forwarding: +off$/m);
  expect((await cli("vm ports nope")).code).toBe(3);
});

test("a port of the host that is taken keeps the VM from starting", async () => {
  const { cli, served } = await world();
  await cli("vm create --name web --publish 8080:80");
  served.host.world.ports.add("127.0.0.1:8080");
  const { code, stderr } = await cli("vm start web");
  expect(code).not.toBe(0);
  expect(stderr).toBe(
    "error: a port can't be published: port 8080 of 127.0.0.1 is taken by another program of this host\n" +
      "hint: `ss -ltnp 'sport = :8080'` shows who has it; a VM keeps its published ports, so end that program, or make a VM with another `--publish`\n",
  );
});

test.each(["3000", "8080:3000/udp", "[::1]:8080:3000", "8080-8090:3000", "99999:1"])(
  "--publish %s is refused with an example",
  async (text) => {
    const { cli } = await world();
    const said = await cli(["vm", "create", "--publish", text]);
    expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining("--publish 8080:3000") });
  },
);

test("the same port of the host twice is refused", async () => {
  const { cli } = await world();
  const said = await cli("vm create -p 8080:1 -p 0.0.0.0:8080:2");
  expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining("has a port of the host that another has") });
});

test("vm docker prints a line for a shell", async () => {
  const { cli } = await world();
  await cli("vm create --name web");
  expect(await cli("vm docker web")).toEqual({
    code: 0,
    stdout: "docker context create banger-web --docker host=ssh://root@web.vm\n",
    stderr: expect.stringContaining("banger ssh-config --install"),
  });
  expect(JSON.parse((await cli("vm docker web --json")).stdout)).toEqual({
    context: "banger-web",
    host: "ssh://root@web.vm",
    command: "docker context create banger-web --docker host=ssh://root@web.vm",
  });
  expect((await cli("vm docker nope")).code).toBe(3);
});

test("a port that begins to listen is announced on stderr", () => {
  const said: string[] = [];
  const stdio = { stderrIsTerminal: true, write: async (_to: string, line: string) => void said.push(line) } as never;
  const notices: Json[] = [
    { notice: "port", guestPort: 3000, address: "127.12.0.4", hostPort: 3000, problem: null },
    { notice: "port", guestPort: 80, address: "127.12.0.4", hostPort: 10_080, problem: null },
    { notice: "port", guestPort: 3000, address: "127.12.0.4", hostPort: 3000, problem: "it is taken\u001b[2J\nby x" },
    { notice: "port", guestPort: 0, address: "127.12.0.4", hostPort: 3000, problem: null },
    { notice: "port", guestPort: 3000, address: "evil.example", hostPort: 3000, problem: null },
  ];
  const onNotice = (tell: (notice: Json) => void) => notices.forEach(tell);
  listenForNotices({ onNotice }, "sandbox", noticePrinter({ stdio }));
  expect(said.slice(0, 2)).toEqual([
    "» sandbox: port 3000 → http://127.12.0.4:3000\r\n",
    "» sandbox: port 80 → http://127.12.0.4:10080\r\n",
  ]);
  expect(said[2]).toMatch(/^» sandbox: port 3000 is not forwarded: it is taken.*by x\r\n$/);
  expect(said[2]).not.toContain("\u001b");
  expect(said.length).toBe(3);
});
