/** Transcripts of the `vm` commands. */
import { expect, test } from "bun:test";
import { Deferred } from "../base/async.ts";
import type { FakeCommand } from "../wire/agent/testing/fake.ts";
import type { ExecExit, Json } from "../wire/agent/types.ts";
import type { CliContext } from "./context.ts";
import { cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

const spec =
  "spec: 2 vcpu, 1.0 GiB memory, 8 GiB disk, image debian-bookworm, kernel debian-bookworm-cloud, network user, vmm world (world 1 can't save VMs)\n";

test("create prints the spec, then the name", async () => {
  const { cli } = await world();
  expect(await cli("vm create --name web-1")).toEqual({ code: 0, stdout: "web-1\n", stderr: spec });
});

test("a name in use is a conflict and changes nothing", async () => {
  const { cli } = await world();
  await cli("vm create --name web");
  const second = await cli("vm create --name web");
  expect(second.code).toBe(4);
  expect(second.stderr).toBe(
    'error: a VM named "web" already exists\nhint: choose another --name, or remove it with `banger vm delete web`\n',
  );
});

test("list is a table, and JSON for programs", async () => {
  const { cli } = await world();
  expect((await cli("vm ls")).stderr).toBe("no VMs; make one with `banger vm run`\n");
  await cli("vm create --name web");
  const { stdout } = await cli("vm list");
  expect(stdout.split("\n")[0]).toMatch(/^NAME {2}STATE +IMAGE +CPU {2}MEMORY +DISK +AGE +ADDRESS$/);
  expect(stdout.split("\n")[1]).toMatch(/^web +stopped +debian-bookworm +2/);
  const [{ name, loopbackAddress }] = JSON.parse((await cli("vm ls --json")).stdout);
  expect(name).toBe("web");
  expect(stdout.split("\n")[1]).toEndWith(` ${loopbackAddress}`);
  expect((await cli("vm show web")).stdout).toMatch(new RegExp(`^loopback address: +${loopbackAddress}$`, "m"));
});

test("several names: each is reported, one failure does not stop the others, its code is the exit code", async () => {
  const { cli } = await world();
  await cli("vm create --name a");
  await cli("vm create --name b");
  const started = await cli("vm start a nope b");
  expect(started.code).toBe(3);
  expect(started.stdout).toBe("a is running\nb is running\n");
  expect(started.stderr).toContain('error: no VM is named "nope"\n');
  expect(await cli("vm start a")).toMatchObject({
    code: 0,
    stdout: "a is running\n",
    stderr: expect.stringMatching(/^"a" is running already\n/),
  });
  expect((await cli("vm stop a b")).stdout).toBe("a is stopped\nb is stopped\n");
  expect(await cli("vm stop a")).toMatchObject({
    code: 0,
    stdout: "a is stopped\n",
    stderr: '"a" is stopped already\n',
  });
  expect((await cli("vm delete a b")).stdout).toBe("a is deleted\nb is deleted\n");
});

test("rename, show and wait", async () => {
  const { cli } = await world();
  await cli("vm create --name a");
  expect((await cli("vm rename a z")).stdout).toBe("z\n");
  expect((await cli("vm show z")).stdout).toMatch(/^name: +z\n/);
  expect((await cli("vm wait z")).stdout).toBe("z stopped\n");
});

test("save needs a stopped VM, and reports how much of the image is its own", async () => {
  const { cli } = await world();
  await cli("vm create --name a");
  await cli("vm start a");
  expect(await cli("vm save a mine")).toEqual({
    code: 4,
    stdout: "",
    stderr: 'error: can\'t save VM "a": it is running\nhint: stop it with `banger vm stop a`\n',
  });
  await cli("vm stop a");
  expect(await cli("vm save a mine")).toEqual({
    code: 0,
    stdout: "mine 4 KiB of its own, 4 KiB shared\n",
    stderr: "reading the disk of a\n",
  });
  expect(JSON.parse((await cli("vm save a mine --json")).stdout)).toMatchObject({ name: "mine", source: "vm a" });
  expect((await cli("vm save a Mine")).code).toBe(2);
  expect((await cli("vm save b mine")).code).toBe(3);
  expect((await cli("vm save a")).code).toBe(2);
});

test("run passes on the command's output and exit code", async () => {
  const { cli, served } = await world();
  const ran = await cli(["vm", "run", "--rm", "--", "echo", "hello  there"]);
  expect(ran.code).toBe(0);
  expect(ran.stdout).toBe("hello  there\n");
  expect((await cli("vm run --rm -- exit 7")).code).toBe(7);
  expect(served.machines.all()).toEqual([]);
});

test("run without --rm keeps the VM, and prints how to return or clean up", async () => {
  const { cli, served } = await world();
  const ran = await cli("vm run --name keep -- true");
  expect(ran.stderr).toContain("`banger vm ssh keep`");
  expect(ran.stderr).toContain("`banger vm delete keep`");
  expect(served.machines.all().map((vm) => vm.state)).toEqual(["running"]);
});

test("a missing command is 127, and its VM is deleted nevertheless", async () => {
  const { cli, served } = await world();
  const ran = await cli("vm run --rm -- no-such-program");
  expect(ran.code).toBe(127);
  expect(ran.stderr).toContain('error: "no-such-program" does not exist in the guest\n');
  expect(served.machines.all()).toEqual([]);
});

test.each(["vm run --name kept -- no-such-program", "vm run --detach --name kept -- no-such-program"])(
  "%s: the VM is kept without --rm, and a hint shows how to remove it",
  async (line) => {
    const { cli, served } = await world();
    const ran = await cli(line);
    expect(ran.code).toBe(127);
    expect(ran.stderr).toMatch(/^warning: the command did not run, and VM "kept" is kept .*`banger vm delete kept`/m);
    expect(served.machines.all()).toMatchObject([{ name: "kept", state: "running" }]);
  },
);

test("stdin reaches the command", async () => {
  const { cli } = await world();
  expect((await cli("vm run --rm -- cat", { stdin: "some text" })).stdout).toBe("some text");
});

test("the first signal goes to the command; death by a signal is 128 plus its number", async () => {
  const { cli, served } = await world();
  let send = (_signal: string) => {};
  const running = cli("vm run --rm -- sleep", { stdin: null, onSignals: (give) => (send = give) });
  while (!served.machines.all().some((vm) => vm.state === "running")) await Bun.sleep(1);
  const timer = setInterval(() => send("TERM"), 20);
  const ran = await running;
  clearInterval(timer);
  expect(ran.code).toBe(143);
  expect(served.machines.all()).toEqual([]);
});

/** A VM "a" whose programs say what they are asked and told, until HUP, INT or TERM. */
async function telling() {
  const requests: Json[] = [];
  const told: unknown[] = [];
  const tell: FakeCommand = (stream, request) => {
    requests.push(request as Json);
    const ended = new Deferred<ExecExit>();
    stream.onEvent(({ signal }) => {
      told.push(signal);
      if (["HUP", "INT", "TERM"].includes(String(signal))) ended.resolve({ code: 7 });
    });
    stream.onEof(() => told.push("eof"));
    stream.onData(() => {});
    stream.onClosing(() => ended.resolve({ code: 8 }));
    void stream.write(1, new TextEncoder().encode("out"));
    return ended.promise;
  };
  const it = await world({ commands: { tell } });
  await it.cli("vm create --name a");
  await it.cli("vm start a");
  return { ...it, requests, told };
}

test("signals that only inform a program reach it, and end nothing by themselves", async () => {
  const { cli, told } = await telling();
  let send = (_signal: string) => {};
  const onSignals = (give: typeof send) => {
    send = give;
  };
  const running = cli("vm exec a -- tell", { stdin: null, onSignals });
  const signals = ["USR1", "USR2", "QUIT", "ALRM", "WINCH", "IO", "USR1", "HUP"];
  // one that comes before the program is there is lost, as with docker
  while (told.length === 0) {
    send("USR1");
    await Bun.sleep(1);
  }
  told.length = 0;
  for (const signal of signals) send(signal);
  expect((await running).code).toBe(7);
  expect(told).toEqual(signals);
});

test("the terminal's type and colours are passed on; --no-stdin reads no input and allocates no terminal", async () => {
  const { cli, requests, told } = await telling();
  const readInput = () => {
    throw new Error("stdin was read");
  };
  const env = { TERM: "xterm-kitty", COLORTERM: "truecolor" };
  let send = (_signal: string) => {};
  const call = {
    terminal: true,
    stdin: null,
    env,
    onSignals: (give: typeof send) => {
      send = give;
    },
  };
  const first = cli("vm exec a -- tell", call);
  while (told.length === 0) {
    send("USR1");
    await Bun.sleep(1);
  }
  send("HUP");
  await first;
  expect(requests[0]).toMatchObject({
    tty: { cols: 80, rows: 24, term: "xterm-kitty" },
    env: { COLORTERM: "truecolor" },
  });
  for (const flags of ["-n", "--no-stdin"]) {
    told.length = 0;
    const next = cli(`vm exec ${flags} a -- tell`, {
      ...call,
      change: ({ stdio }) => Object.assign(stdio, { readInput }),
    });
    while (!told.includes("eof")) await Bun.sleep(1);
    while (told.length < 2) {
      send("USR1");
      await Bun.sleep(1);
    }
    send("TERM");
    expect((await next).code).toBe(7);
    expect(requests.at(-1)?.["tty"]).toBeUndefined();
  }
  const inBackground = cli("vm exec a -- tell", {
    ...call,
    change: ({ stdio }) => Object.assign(stdio, { isInForeground: () => false }),
  });
  told.length = 0;
  while (told.length === 0) {
    send("USR1");
    await Bun.sleep(1);
  }
  send("TERM");
  await inBackground;
  expect(requests.at(-1)?.["tty"]).toBeUndefined();
});

test("output that can't be written is an error; a reader that has gone is not", async () => {
  const { cli } = await telling();
  const failing = (code: string) => (context: CliContext) => {
    context.stdio.write = async () => {
      throw Object.assign(new Error(`${code}: it can't be written`), { code });
    };
  };
  const full = await cli("vm exec a -- tell", { stdin: null, change: failing("ENOSPC") });
  expect([full.code, full.stderr]).toEqual([125, expect.stringContaining("the output could not be written: ENOSPC")]);
  expect(await cli("vm exec a -- tell", { stdin: null, change: failing("EPIPE") })).toMatchObject({
    code: 141,
    stderr: "",
  });
});

test("a terminal that disappears ends the session, as SIGHUP would", async () => {
  const { cli, told } = await telling();
  const hungUp = { hasHungUp: () => true };
  const ended = await cli("vm exec a -- tell", { terminal: true, change: ({ stdio }) => Object.assign(stdio, hungUp) });
  expect([ended.code, told]).toEqual([7, ["HUP"]]);
});

test("exec needs a running VM and a command", async () => {
  const { cli } = await world();
  await cli("vm create --name a");
  expect((await cli("vm exec a")).code).toBe(2);
  const stopped = await cli("vm exec a -- true");
  expect(stopped.code).toBe(125);
  expect(stopped.stderr).toContain("hint: start it with `banger vm start a`");
  await cli("vm start a");
  expect((await cli("vm exec a -- exit 9")).code).toBe(9);
});

test("workspace flags are refused without a workspace", async () => {
  const { cli, served } = await world();
  for (const flag of ["--include-untracked", "--dry-run", "--branch x", "--with-branch x", "--from x", "--depth 3"]) {
    const ran = await cli(`vm run ${flag}`);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(`${flag.split(" ")[0]} needs a workspace, and no folder was given`);
  }
  expect(served.machines.all()).toEqual([]);
});

test("an invalid value is refused with the flag, the value and an example", async () => {
  const { cli } = await world();
  const cases = {
    "--memory x": "--memory 2G",
    "--memory 1": "--memory 2G",
    "--vcpu zero": "--vcpu 2",
    "--disk -5": "--disk 20G",
    "--network wifi": "--network user",
    "--vmm xen": "--vmm auto",
    "--wait never": "--wait agent",
    "--depth 0": "--depth 50",
  };
  for (const [flags, example] of Object.entries(cases)) {
    const ran = await cli(`vm run ${flags}`);
    expect([flags, ran.code]).toEqual([flags, 2]);
    const [flag, value] = flags.split(" ");
    expect(ran.stderr).toContain(`error: ${flag}: "${value}" `);
    expect(ran.stderr).toContain(`hint: for example ${example}`);
  }
  expect((await cli("vm run --name Not_Valid")).stderr).toContain('"Not_Valid" is not a VM name');
  expect((await cli("vm run --env =x -- true")).stderr).toContain("--env");
});

test("an unknown command gets a suggestion and exit code 2", async () => {
  const { cli } = await world();
  const ran = await cli("vm strat");
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain("did you mean `banger vm start`?");
});

test("errors are objects with --json", async () => {
  const { cli } = await world();
  const ran = await cli("vm show nope --json");
  expect(ran.code).toBe(3);
  expect(JSON.parse(ran.stderr).error).toMatchObject({ code: "VM_NOT_FOUND", exit: 3 });
});

test("--detach starts the command and returns", async () => {
  const detached: unknown[] = [];
  const { cli } = await world({
    verbs: {
      exec: (served) => {
        detached.push(served.request);
        void served.accept({ pid: 1 }).finish();
      },
    },
  });
  const ran = await cli("vm run --detach --name d -- make test");
  expect(ran).toMatchObject({ code: 0, stdout: "d\n" });
  expect(detached).toMatchObject([{ argv: ["make", "test"], detach: { log: "/root/.cache/banger/run.log" } }]);
  expect((await cli("vm run --detach --rm")).code).toBe(2);
});

test("images and kernels are listed, and can't be deleted while a VM needs them", async () => {
  const { cli } = await world();
  expect((await cli("image ls")).stdout).toContain("debian-bookworm");
  expect((await cli("kernel ls")).stdout).toContain("debian-bookworm-cloud");
  await cli("vm create --name a");
  const refused = await cli("image delete debian-bookworm");
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain("is used by a\n");
  expect((await cli("image build nope")).stderr).toContain('there is no recipe "nope"');
});
