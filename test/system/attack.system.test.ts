/** System mode under attack: by guests, by a VMM that its guest has taken over, and by what others put in the services' places. */
import { afterAll, expect, test } from "bun:test";
import { dirname } from "node:path";
import { ethernet, everyone, udp } from "../../src/helper/testing/frames.ts";
import { macOf } from "../../src/model/bridge.ts";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { unixAddress } from "../attack/listeners.ts";
import { type Answer, buildInjector, failed, TakenOver, wordsOf } from "../attack/taken-over.ts";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";
import { makeOutside, namesAsked, uplink } from "./host/outside.ts";
import { startPython } from "./host/python.ts";
import { dhcpTricks, marks, recorded, recorder, routerTricks } from "./host/tricks.ts";
import { vmmOf } from "./host/vmm.ts";

const bridge = "172.16.0.1";
const sockets = ["/run/banger/bangerd.sock", "/run/banger-root/bangerd-root.sock"] as const;
const [cwd, readOnly, readWrite] = [-100, 0, 2];
const [unix, stream] = [1, 1];
/** struct virtio_net_hdr_mrg_rxbuf of linux/virtio_net.h, which comes before each frame at QEMU's end of a TAP interface */
const frameHeader = Buffer.alloc(12);

systemSuite("system mode under attack", (host) => {
  const folder = makeTempFolder("system-attack");
  afterAll(() => folder.remove());
  let injector = "";
  let thief: Vm;
  let victim: Vm;

  type Vm = { id: string; name: string; address: string };
  const show = (name: string) => host().json<Vm>(["vm", "show", name]);
  const works = async () => expect(await host().inGuest("thief", "echo works")).toBe("works");
  /** Runs `attack` in the VMM of the thief, which stands still for so long. */
  const inVmm = async <T>(attack: (taken: TakenOver, vmm: ReturnType<typeof vmmOf>) => Promise<T>): Promise<T> => {
    const vmm = vmmOf(thief.id);
    const taken = new TakenOver(injector, vmm.pid);
    try {
      return await attack(taken, vmm);
    } finally {
      await taken.release();
    }
  };
  const refusals = (answers: Answer[]) => answers.map((answer) => (failed(answer) ? "refused" : wordsOf(answer)));
  const allRefused = (answers: Answer[]) => expect(refusals(answers)).toEqual(answers.map(() => "refused"));

  test("two guests that are not isolated reach each other", async () => {
    injector = buildInjector(folder.path);
    await makeOutside(host());
    // a folder of a lower layer can't be renamed; this one can
    await host().shell("set -e; cp -a /home/owner /home/copy; rm -rf /home/owner; mv /home/copy /home/owner");
    await host().shell("printf '[network]\\nisolate = false\\n' >> /home/owner/.config/banger/config.toml");
    await host().install();
    const run = (name: string) => host().ok(["vm", "run", "--name", name, "--detach", ...small]);
    await Promise.all([run("thief"), run("victim")]);
    [thief, victim] = await Promise.all([show("thief"), show("victim")]);
    for (const [from, to] of [
      [thief, victim],
      [victim, thief],
    ] as const) {
      await host().inGuest(to.name, `mkdir /tmp/w; echo ${to.name} > /tmp/w/index.html; httpd -p 80 -h /tmp/w`);
      const fetch = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${to.address} 80 | tail -n 1`;
      expect(await host().inGuest(from.name, fetch)).toBe(to.name);
    }
  });

  test("a VMM that was taken over opens its own disk, and no file of the owner's, of another VM or of the services", async () => {
    await host().shell("install -d -o owner -m 700 /home/owner/.ssh; echo key > /home/owner/.ssh/id_ed25519");
    await host().shell("chown -R owner /home/owner/.ssh");
    const vms = "/var/lib/banger/vms";
    const disks = (await host().shell(`find ${vms}/${victim.id} -type f`)).trim().split("\n");
    const others = (await host().shell("find /var/lib/banger -maxdepth 2 -type f")).trim().split("\n");
    expect(disks).toContain(`${vms}/${victim.id}/disk.ext4`);
    const files = [
      ...["/home/owner/.ssh/id_ed25519", "/home/owner/.ssh", "/home/owner/.config/banger/config.toml"],
      ...[...disks, ...others, `../${victim.id}/disk.ext4`, vms, "/etc/banger/install.json", "/etc/passwd"],
      ...[`/proc/1/root${vms}`, `/proc/self/root${vms}`, "/dev/net/tun", "/run/banger"],
    ];
    await inVmm(async (taken) => {
      const open = (path: string, how: number) => taken.call("openat", cwd, path, how, 0);
      const own = await open(`${vms}/${thief.id}/disk.ext4`, readWrite);
      expect(failed(own)).toBe(false);
      if ("result" in own) await taken.call("close", own.result);
      const answers: [string, string][] = [];
      for (const path of files)
        for (const how of [readOnly, readWrite]) answers.push([path, refusals([await open(path, how)]).join()]);
      expect(answers.filter(([, came]) => came !== "refused")).toEqual([]);
    });
    await works();
  });

  test("it connects to neither service, by a new socket or by one that it has", async () => {
    await inVmm(async (taken, vmm) => {
      expect(vmm.sockets.length).toBeGreaterThan(0);
      const answers: Answer[] = [];
      for (const path of sockets) {
        const address = unixAddress(path);
        answers.push(await taken.call("socket", unix, stream, 0));
        for (const socket of vmm.sockets) answers.push(await taken.call("connect", socket, address, address.length));
      }
      allRefused(answers);
    });
    await works();
  });

  test("a guest is nobody's DHCP server or router, neither another guest's nor the host's", async () => {
    const place = { mac: macOf(thief.id), address: thief.address };
    const plain = (text: string, port: number) =>
      ethernet(place.mac, everyone, "0800", udp(place.address, "255.255.255.255", [port, port], text));
    // an address of its own that begins with fe80 is there without anybody's help, a moment after the interface is
    const settings = "{ ip address; ip route; ip -6 route; cat /etc/resolv.conf; } | grep -v fe80";
    const inVictim = () => host().inGuest("victim", settings);
    const onHost = () => host().shell(`${settings}; resolvectl dns --no-pager`);
    const before = [await inVictim(), await onHost()];
    const pid = await startPython(host(), recorder, { args: ["br-banger", `bgr-${victim.id}`] });
    const frames = [...dhcpTricks(place, bridge), ...routerTricks(place)];
    await inVmm(async (taken, { tap }) => {
      for (const frame of [plain("its-own", 9000), ...frames, plain("end", 9999)]) {
        const bytes = Buffer.concat([frameHeader, Buffer.from(frame, "hex")]);
        expect(await taken.call("write", tap, bytes, bytes.length)).toEqual({ result: BigInt(bytes.length) });
      }
    });
    const places = (await host().shell(recorded(pid))).trim().split("\n");
    const own = Buffer.from("its-own").toString("hex");
    expect(places.map((seen) => [own, marks.dhcp, marks.router].map((text) => seen.includes(text)))).toEqual([
      [true, false, false],
      [true, false, false],
    ]);
    expect([await inVictim(), await onHost()]).toEqual(before);
    await works();
  });

  test("nobody is helped to names elsewhere, and nobody elsewhere is asked", async () => {
    const before = await namesAsked(host());
    const queries = [
      ...["example.test A", "com NS", ". NS", "localhost A", "thief.vm.example.test A", "thief A"],
      ...["8.8.8.8.in-addr.arpa PTR", "2.100.51.198.in-addr.arpa PTR", "version.bind CH TXT"],
    ];
    const each = `for query in ${queries.map((query) => `"${query}"`).join(" ")}; do for how in +notcp +tcp; do
dig @${bridge} +rec +time=15 +tries=1 $how $query | grep -E "status:|flags: q" | tr -d '\\n'; echo; done; done`;
    const answers = (await host().shell(each)).trim().split("\n");
    expect(answers).toHaveLength(2 * queries.length);
    // not the flag `ra`: recursion is not available
    for (const answer of answers) expect(answer).toMatch(/status: REFUSED.*flags: qr rd; .*ANSWER: 0, AUTHORITY: 0/);
    const lookUps = ["example.test", "localhost.example.test", "198.51.100.2"].map(
      (name) => `nslookup ${name} ${bridge} >/dev/null 2>&1 && echo answered || echo refused`,
    );
    expect(await host().inGuest("thief", lookUps.join("; "))).toBe("refused\nrefused\nrefused");
    expect(await namesAsked(host())).toEqual(before);
  });

  test("the zone's SOA, and EDNS as it should be", async () => {
    const dig = (...questions: string[]) =>
      host().shell(questions.map((one) => `dig @${bridge} +time=15 +tries=1 ${one}`).join("; "));
    const zones = await dig("vm SOA", "0.16.172.in-addr.arpa SOA");
    for (const zone of ["vm", "0.16.172.in-addr.arpa"])
      expect(zones).toMatch(
        new RegExp(`^${zone}\\.\\s+\\d+\\s+IN\\s+SOA\\s+vm\\. hostmaster\\.vm\\. \\d+ \\d+ \\d+ \\d+ 0$`, "m"),
      );
    const options = ["+bufsize=512", "+bufsize=65535", "+dnssec", "+nsid", "+cookie", "+ednsopt=65001:00ff"];
    const answers = (await dig(...options.map((option) => `thief.vm ${option}`))).split("<<>> DiG").slice(1);
    expect(answers).toHaveLength(options.length);
    for (const answer of answers)
      expect(answer).toMatch(/status: NOERROR[\s\S]*EDNS: version: 0, flags:[ do]*; udp: 1232[\s\S]*IN\tA\t/);
    const [without, later] = (await dig("thief.vm +noedns", "thief.vm +edns=1 +noednsneg")).split("<<>> DiG").slice(1);
    expect(without).not.toContain("EDNS");
    // RFC 6891 section 6.1.3
    expect(later).toMatch(/status: BADVERS[\s\S]*ANSWER: 0/);
  });

  test("a guest that may reach others still reaches no service of the host, whatever address that has", async () => {
    const server = `import select, socket
places = [("0.0.0.0", 8080), ("${bridge}", 8081)]
tcp = [socket.create_server(place) for place in places]
udp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in places]
for one, place in zip(udp, places): one.bind(place)
print("ready", flush=True)
while True:
    for one in select.select(tcp + udp, [], [])[0]:
        if one in tcp:
            peer = one.accept()[0]
            peer.sendall(b"reached")
            peer.close()
        else: one.sendto(b"reached", one.recvfrom(100)[1])`;
    await startPython(host(), server);
    const targets = [`${bridge} 8080`, `${bridge} 8081`, `${uplink.host} 8080`];
    const asks = `import socket, sys
for address, port in zip(sys.argv[1::2], sys.argv[2::2]):
    place = (address, int(port))
    print(socket.create_connection(place, 20).recv(7).decode())
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.settimeout(20)
    one.sendto(b"x", place)
    print(one.recv(7).decode())`;
    const fromHost = await host().run(["python3", "-c", asks, ...targets.flatMap((target) => target.split(" "))]);
    expect(fromHost.stdout).toBe("reached\n".repeat(2 * targets.length));
    const lines = targets.map(
      (target) =>
        `echo "tcp $(nc -w 3 ${target} </dev/null 2>&1)"; echo "udp $(echo x | timeout 3 nc -u -w 2 ${target} 2>&1)"`,
    );
    expect(await host().inGuest("thief", lines.join("; "))).not.toContain("reached");
  });

  test("a process of a VM that has no cage is refused by both services, and they say who asked", async () => {
    const agent = "/usr/local/lib/banger/current/banger-vsock-agent";
    const state = "/var/lib/banger";
    const wrapper = `#!/usr/bin/python3
import os, socket, sys
def asks(path, request):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(10)
    try:
        one.connect(path)
        one.sendall(request)
        return b"".join(iter(lambda: one.recv(4096), b"")).decode()
    except OSError as error: return str(error)
if any("qemu-system" in word for word in sys.argv) and os.fork() == 0:
    with open("${state}/go") as go: go.read()
    with open(f"/proc/{os.getppid()}/comm") as comm: parent = comm.read()
    body = b'{"id":1,"verb":"status"}'
    said = parent + "--\\n" + asks("${sockets[0]}", b"GET /v1/daemon HTTP/1.1\\r\\nHost: bangerd\\r\\nConnection: close\\r\\n\\r\\n")
    said += "\\n--\\n" + asks("${sockets[1]}", len(body).to_bytes(4, "little") + body)
    with open("${state}/said", "w") as file: file.write(said)
    os._exit(0)
os.execv("${agent}.real", sys.argv)
`;
    await host().ok(["vm", "suspend", "victim"]);
    await host().shell(
      `mkfifo -m 666 ${state}/go ${state}/said; mv ${agent} ${agent}.real; cat > ${agent}; chmod 755 ${agent}`,
      {
        input: wrapper,
      },
    );
    await host().ok(["vm", "start", "victim"]);
    expect(await host().inGuest("victim", "echo works")).toBe("works");
    const answers = await host().shell(`timeout 20 bash -c ': > ${state}/go' && timeout 60 cat ${state}/said`);
    const [parent, daemon = "", helper = ""] = answers.split("--\n");
    expect(parent).toBe("qemu-system-x86\n");
    expect(daemon).toMatch(/PEER_REFUSED.*your process belongs to a VM/);
    expect(helper).not.toContain("bridge");
    const logged = (unit: string) =>
      host().shell(`journalctl --no-pager --output=cat -b -u ${unit} | grep 'refused a connection'`);
    expect(await logged("bangerd")).toMatch(/"pid":\d+,"uid":1000,"why":"your process belongs to a VM"/);
    expect(await logged("bangerd-root")).toMatch(/"uid":1000.*not the main process of bangerd.service/);
    await host().shell(`mv ${agent}.real ${agent}; rm ${state}/go ${state}/said`);
  });

  test("an owner's home that was swapped for another's is not read, and the service works again once it is given back", async () => {
    const swap = "set -e; mv /home/owner /home/owner.kept; ln -s /home/trap /home/owner";
    const back = "set -e; rm /home/owner; mv /home/owner.kept /home/owner";
    await host().shell("install -d -o other -m 755 /home/trap /home/trap/.config /home/trap/.config/banger");
    await host().shell(`echo 'what = "is this"' > /home/trap/.config/banger/config.toml`);
    await host().shell(swap);
    // what runs goes on with the home that it was started with
    await works();
    const restarted = await host().sudo(["banger", "system", "restart"]);
    expect([restarted.code === 0, restarted.stderr]).toEqual([
      false,
      expect.stringContaining("sudo journalctl -u bangerd.service"),
    ]);
    expect(await host().shell("journalctl --no-pager --output=cat -b -u bangerd")).toMatch(
      /refuses to use \/home\/owner: it belongs to uid 1001[\s\S]*give the home back to its owner/,
    );
    const { code, stderr } = await host().banger(["vm", "list"]);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining("sudo banger system restart")]);
    expect(vmmOf(thief.id).pid).toBeGreaterThan(0);
    await host().shell(back);
    expect((await host().sudo(["banger", "system", "restart"])).code).toBe(0);
    await works();
  });

  /** Another user listens in place of a service, in a folder of that user's; what it is sent is noted. Its pid. */
  const impostor = async (unit: string, path: string) => {
    const program = `import os, socket
one = socket.socket(socket.AF_UNIX)
one.bind("${path}")
os.chmod("${path}", 0o666)
one.listen()
print("ready", flush=True)
while True:
    peer = one.accept()[0]
    with open("/tmp/visits", "ab") as file: file.write(b"came" + peer.recv(4096) + b"\\n")`;
    await host().shell(
      `set -e; systemctl stop ${unit}; install -d -o other -m 755 ${dirname(path)}; rm -f /tmp/visits`,
    );
    return startPython(host(), program, { within: ["setpriv", "--reuid=other", "--regid=other", "--clear-groups"] });
  };
  const sentToImpostor = () => host().shell("cat /tmp/visits 2>/dev/null | grep -v '^came$' || true");

  test("the owner's commands send nothing to another user's socket in the daemon's place, which the service takes back", async () => {
    await impostor("bangerd", sockets[0]);
    const { code, stderr } = await host().banger(["vm", "list"]);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining("/run/banger belongs to uid 1001")]);
    expect(await sentToImpostor()).toBe("");
    await host().shell("systemctl start bangerd");
    expect(await host().shell("stat -c '%U %a' /run/banger")).toBe("owner 700\n");
    await works();
  });

  test("nor does the daemon to another user's socket in the helper's place, which the helper takes back", async () => {
    const pid = await impostor("bangerd-root", sockets[1]);
    const { code, stderr } = await host().banger(["vm", "restart", "victim"]);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining("uid 1001, not root, listens")]);
    expect(await sentToImpostor()).toBe("");
    await host().shell("systemctl start bangerd-root");
    expect(await host().shell(`cat /proc/${pid}/comm`)).toContain("python3");
    expect(await host().shell("stat -c '%U %G %a' /run/banger-root")).toBe("root owner 750\n");
    await host().ok(["vm", "start", "victim"]);
    await works();
  });
});
