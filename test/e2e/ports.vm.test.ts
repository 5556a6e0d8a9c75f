/** Ports of a guest on the host: forwarded as they are listened on, published, and back after whatever happens to daemon and VM. */
import { beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import type { PortEvent } from "../../src/model/event.ts";
import type { PortView } from "../../src/model/ports.ts";
import type { VmView } from "../../src/model/vm.ts";
import { vmSuite } from "./harness.ts";
import type { Child } from "./home.ts";
import { until } from "./processes.ts";

/** Answers each connection with what it got until its end, and its own name before. */
const server = `
import socket, sys, threading
name, family, address, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
s = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == "6": s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind((address, port)); s.listen(64)
def serve(c):
  got = b""
  while True:
    more = c.recv(65536)
    if not more: break
    got += more
  c.sendall(name.encode() + b":" + got); c.close()
while True: threading.Thread(target=serve, args=(s.accept()[0],)).start()
`;

/** Sends `text` and half-closes. @returns all that comes until the end, or the error's code */
function ask(address: string, port: number, text = "hello"): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let got = "";
  const socket = net.connect({ host: address, port, allowHalfOpen: true }, () => socket.end(text));
  socket.on("data", (chunk) => {
    got += chunk.toString("latin1");
  });
  socket.on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? "error"));
  socket.on("close", () => resolve(got));
  return promise;
}

/** Whether something of ours listens there: anything but a refusal. */
async function isOpen(address: string, port: number): Promise<boolean> {
  return (await ask(address, port)) !== "ECONNREFUSED";
}

vmSuite("ports", (home) => {
  const show = (name: string) => home().json<VmView>(["vm", "show", name]);
  const portsOf = (name: string) => home().json<PortView[]>(["vm", "ports", name]);
  const inGuest = async (vm: string, script: string) =>
    (await home().ok(["vm", "exec", vm, "--", "sh", "-c", script])).stdout;
  /** Leaves a server running in the guest. */
  const serve = (vm: string, name: string, family: 4 | 6, address: string, port: number) =>
    inGuest(
      vm,
      `setsid python3 /root/s.py ${name} ${family} ${address} ${port} >/dev/null 2>&1 </dev/null & echo $! >/run/${name}.pid`,
    );
  const end = (vm: string, name: string) => inGuest(vm, `kill $(cat /run/${name}.pid)`);
  const put = (vm: string) => home().ok(["vm", "exec", vm, "--", "sh", "-c", "cat >/root/s.py"], { input: server });
  let address = "";

  beforeAll(async () => {
    const args = ["--detach", "--wait=agent", "--publish", "18080:3000", "--publish", "127.0.0.9:18081:4000"];
    await home().ok(["vm", "run", "--name", "box", ...args]);
    ({ loopbackAddress: address } = await show("box"));
    await put("box");
  }, 240_000);

  test("listeners on loopback and wildcard, IPv4 and IPv6, are reached on the VM's address", async () => {
    await serve("box", "loop4", 4, "127.0.0.1", 3000);
    await serve("box", "wild4", 4, "0.0.0.0", 3001);
    await serve("box", "loop6", 6, "::1", 3002);
    await serve("box", "wild6", 6, "::", 3003);
    for (const [port, name] of [3000, 3001, 3002, 3003].map(
      (port, at) => [port, ["loop4", "wild4", "loop6", "wild6"][at]] as const,
    ))
      expect(
        await until(`${name} answers`, async () => ((await isOpen(address, port)) ? ask(address, port) : null)),
      ).toBe(`${name}:hello`);
    const automatic = (await portsOf("box")).filter(({ kind, isService }) => kind === "automatic" && !isService);
    expect(automatic.map(({ guestPort, hostPort, state }) => [guestPort, hostPort, state])).toEqual(
      [3000, 3001, 3002, 3003].map((port) => [port, port, "open"]),
    );
    // nothing of it on ::1, where a client may look first
    expect(await ask("::1", 3000)).toBe("ECONNREFUSED");
  }, 120_000);

  test("what listened before the first session is listed as a service, below 1024 where the daemon may bind", async () => {
    const sshd = (await portsOf("box")).find(({ guestPort, isService }) => guestPort === 22 && isService);
    expect(sshd).toMatchObject({ state: "open", kind: "automatic" });
    expect([22, 10_022]).toContain(sshd?.hostPort ?? 0);
    const banner = Promise.withResolvers<string>();
    const socket = net.connect(sshd?.hostPort ?? 0, address).on("data", (chunk) => banner.resolve(String(chunk)));
    socket.on("error", (error) => banner.resolve(String(error)));
    expect(await banner.promise).toStartWith("SSH-2.0-");
    socket.destroy();
  }, 60_000);

  test("a published port is reached where it was asked for, and resets while nothing listens", async () => {
    expect(await ask("127.0.0.1", 18_080)).toBe("loop4:hello");
    expect(await ask("127.0.0.9", 18_081)).toBe("ECONNRESET");
    expect(await ask("127.0.0.9", 18_080)).toBe("ECONNREFUSED");
  }, 60_000);

  test("large data both ways, many connections at once", async () => {
    const large = "x".repeat(2_000_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(address, 3001, large.slice(0, 200_000))));
    expect(answers.every((answer) => answer === `wild4:${large.slice(0, 200_000)}`)).toBe(true);
    expect((await ask(address, 3001, large)).length).toBe(large.length + 6);
  }, 120_000);

  test("a program that listens is announced on the terminal of its command, and as an event", async () => {
    const events = await listen(home().folder);
    const child = home().spawn(["vm", "exec", "box", "--", "python3", "/root/s.py", "seen", "4", "127.0.0.1", "3010"]);
    const line = await lineOf(child, "port 3010");
    expect(line).toBe(`» box: port 3010 → http://${address}:3010`);
    expect(await ask(address, 3010)).toBe("seen:hello");
    child.kill("SIGTERM");
    await child.exited;
    await until("it is closed", async () => !(await isOpen(address, 3010)));
    const said = await until("events of it", () => {
      const all = events.seen.filter(({ kind, port }) => kind === "port" && port.guestPort === 3010);
      return all.length > 1 ? all : null;
    });
    expect(said.map(({ port, isAnnounced }) => [port.state, isAnnounced])).toEqual([
      ["open", true],
      ["closed", false],
    ]);
    events.end();
  }, 120_000);

  test("a port that is taken on the host is said, and forwarded once it is free", async () => {
    const other = net.createServer().listen(3020, address);
    await new Promise((resolve) => other.once("listening", resolve));
    const child = home().spawn(["vm", "exec", "box", "--", "python3", "/root/s.py", "late", "4", "0.0.0.0", "3020"]);
    expect(await lineOf(child, "port 3020")).toContain(
      `is not forwarded: port 3020 of ${address} is taken by another program of this host`,
    );
    expect((await portsOf("box")).find(({ guestPort }) => guestPort === 3020)).toMatchObject({ state: "taken" });
    await new Promise((resolve) => other.close(resolve));
    expect(
      await until("it is forwarded", async () => ((await isOpen(address, 3020)) ? ask(address, 3020) : null)),
    ).toBe("late:hello");
    child.kill("SIGTERM");
    await child.exited;
  }, 120_000);

  test("a VM whose published port is taken does not start, and says so", async () => {
    const refused = await home().banger(["vm", "run", "--name", "two", "--detach", "--publish", "18080:80"]);
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain("port 18080 of 127.0.0.1 is taken by another program of this host");
    expect((await home().json<VmView[]>(["vm", "ls"])).map(({ name }) => String(name))).toEqual(["box"]);
  }, 120_000);

  test("the line of `vm docker` leads docker on this host to the guest's", async () => {
    // docker runs the first ssh in PATH, which looks for its configuration in the home that passwd(5) names
    const folder = home().folder;
    const config = join(folder, "ssh-config");
    const { stdout: include } = await home().ok(["ssh-config"]);
    writeFileSync(config, include);
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin/ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${config} "$@"\n`, { mode: 0o755 });
    const env = { ...home().env, PATH: `${folder}/bin:${process.env["PATH"]}`, DOCKER_CONFIG: join(folder, "docker") };
    const run = (argv: string[], stdin = "") => {
      const child = Bun.spawnSync(argv, { env, stdin: Buffer.from(stdin), timeout: 90_000 });
      return { code: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
    };
    const line = (await home().ok(["vm", "docker", "box"])).stdout.trim();
    const host = /--docker host=ssh:\/\/(\w+)@(\S+)$/.exec(line);
    // as docker's connection helper does it
    const dial = ["ssh", "-l", host?.[1] ?? "", "--", host?.[2] ?? "", "docker", "system", "dial-stdio"];
    const ping = run(dial, "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    expect(ping.stdout).toStartWith("HTTP/1.1 200 OK");
    if (Bun.which("docker") === null) return;
    expect(run(["sh", "-c", line])).toMatchObject({ code: 0 });
    const name = run(["docker", "--context", "banger-box", "info", "--format", "{{.Name}}"]);
    expect(name).toMatchObject({ code: 0, stdout: "box\n" });
  }, 180_000);

  test("a daemon that is killed: connections end, and all forwards come back by themselves", async () => {
    const ended = heldOpen(address, 3001);
    await ended.connected;
    await home().killDaemon();
    expect(await ended.within(2000)).toBe(true);
    await home()
      .ok(["daemon", "status"])
      .catch(() => {});
    await home().ok(["vm", "ls"]);
    const answer = await until("it answers", async () => ((await isOpen(address, 3002)) ? ask(address, 3002) : null));
    expect([answer, await ask("127.0.0.1", 18_080)]).toEqual(["loop6:hello", "loop4:hello"]);
  }, 60_000);

  test("suspended, its ports are closed; awake, they are back", async () => {
    await home().ok(["vm", "suspend", "box"]);
    expect([await isOpen(address, 3000), await isOpen("127.0.0.1", 18_080)]).toEqual([false, false]);
    expect((await portsOf("box")).map(({ hostPort, state }) => [hostPort, state])).toEqual([
      [18_080, "closed"],
      [18_081, "closed"],
    ]);
    await inGuest("box", "true");
    expect(await until("it answers", async () => ((await isOpen(address, 3003)) ? ask(address, 3003) : null))).toBe(
      "wild6:hello",
    );
    expect(await ask("127.0.0.1", 18_080)).toBe("loop4:hello");
  }, 120_000);

  test("a port that flaps, and 10,000 listeners, cost nothing noticeable", async () => {
    const many = "import resource,socket,time\\nresource.setrlimit(resource.RLIMIT_NOFILE,(12000,12000))\\n";
    const all =
      "l=[socket.socket() for _ in range(10000)]\\n[(s.bind(('127.0.0.1',20000+i)),s.listen()) for i,s in enumerate(l)]\\n";
    const flap =
      "while 1:\\n s=socket.socket();s.setsockopt(1,2,1);s.bind(('127.0.0.1',3030));s.listen();time.sleep(.3);s.close();time.sleep(.3)";
    await inGuest(
      "box",
      `printf "${many}${all}${flap}" >/root/m.py; setsid python3 /root/m.py >/dev/null 2>&1 </dev/null & echo $! >/run/many.pid`,
    );
    const ofMany = async () => (await portsOf("box")).filter(({ guestPort }) => guestPort >= 20_000);
    await until("they are forwarded", async () => (await ofMany()).length > 30);
    expect((await portsOf("box")).filter(({ kind }) => kind === "automatic").length).toBeLessThanOrEqual(64);
    const before = cpuMs(home().daemon().pid);
    await Bun.sleep(5000);
    const used = cpuMs(home().daemon().pid) - before;
    expect(used).toBeLessThan(500);
    await end("box", "many");
  }, 120_000);

  test("a VM that dies: a connection in it ends within 2 s", async () => {
    const held = heldOpen(address, 3001);
    await held.connected;
    home().signal(home().processOf("qemu"), "SIGKILL");
    expect(await held.within(2000)).toBe(true);
    await until("its ports are closed", async () => !(await isOpen("127.0.0.1", 18_080)));
  }, 60_000);

  test("published ports are kept over stop and start; without automatic forwards they are all there is", async () => {
    await home().ok(["vm", "start", "box"]);
    await serve("box", "again", 4, "127.0.0.1", 3000);
    expect(
      await until("it answers", async () => {
        const answer = await ask("127.0.0.1", 18_080);
        return answer.startsWith("again") ? answer : null;
      }),
    ).toBe("again:hello");
    await home().ok(["vm", "delete", "box"]);
    expect(await isOpen("127.0.0.1", 18_080)).toBe(false);
    await home().ok(["vm", "run", "--name", "quiet", "--detach", "--no-forward", "-p", "18082:3000"]);
    await put("quiet");
    await serve("quiet", "only", 4, "127.0.0.1", 3000);
    expect(
      await until("it answers", async () => {
        const answer = await ask("127.0.0.1", 18_082);
        return answer.startsWith("only") ? answer : null;
      }),
    ).toBe("only:hello");
    expect((await portsOf("quiet")).map(({ kind, hostPort }) => [kind, hostPort])).toEqual([["published", 18_082]]);
    expect(await isOpen((await show("quiet")).loopbackAddress, 3000)).toBe(false);
  }, 240_000);
});

/** The first line on stderr that has the text. */
async function lineOf(child: Child, text: string): Promise<string> {
  let got = "";
  for await (const chunk of child.stderr) {
    got += new TextDecoder().decode(chunk);
    const line = got.split("\n").find((one, at, all) => one.includes(text) && at < all.length - 1);
    if (line !== undefined) return line;
  }
  throw new Error(`no line has "${text}": ${got}`);
}

/** The daemon's events from now on. */
async function listen(folder: string): Promise<{ seen: PortEvent[]; end(): void }> {
  const seen: PortEvent[] = [];
  const socket = net.connect(`${folder}/r/banger/bangerd.sock`);
  let got = "";
  const begun = Promise.withResolvers<void>();
  socket.on("error", (error) => begun.reject(error));
  socket.on("data", (chunk) => {
    begun.resolve();
    got += chunk.toString();
    const lines = got.split("\n");
    got = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) seen.push(JSON.parse(line));
  });
  socket.write("GET /v1/events HTTP/1.1\r\nhost: bangerd\r\n\r\n");
  await begun.promise;
  return { seen, end: () => socket.destroy() };
}

/** A connection that sends nothing more. */
function heldOpen(address: string, port: number) {
  const connected = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const socket = net.connect({ host: address, port, allowHalfOpen: true }, () => {
    // the guest has accepted it when it has taken this
    socket.write("x", () => setTimeout(() => connected.resolve(), 300));
  });
  socket.on("error", () => {});
  socket.on("end", () => closed.resolve());
  socket.on("close", () => closed.resolve());
  const within = (ms: number) => Promise.race([closed.promise.then(() => true), Bun.sleep(ms).then(() => false)]);
  return { connected: connected.promise, within };
}

/** CPU time that a process has used, in `ms`: proc(5), `stat` fields 14 and 15. */
function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
