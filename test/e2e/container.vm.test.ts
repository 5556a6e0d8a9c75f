/** An image's own command as a container engine would run it, in the environment that an engine would set up. */
import { beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { archive, fifo, file, folder } from "../../src/formats/tar/testing/archive.ts";
import { writeLayout } from "../../src/images/testing/oci-layout.ts";
import { busyboxFolder, readBusybox } from "./busybox.ts";
import { vmSuite } from "./harness.ts";

const applets = ["sh", "cat", "env", "id", "ls", "ping", "pwd", "sleep", "stat", "touch"];
const small = ["--cold", "--memory", "256M", "--network", "none", "--wait", "agent"];
const passwd = "root:x:0:0::/root:/bin/sh\nsrv:x:101:101::/:/sbin/nologin\n";
const group = "root:x:0:\nsrv:x:101:\nextra:x:77:srv\nweb:x:88:\n";
const init = '#!/bin/sh\n[ $$ = 1 ] || exit 100\necho "pid $(readlink /proc/self | wc -l) $1"; exit 3\n';

vmSuite("container", (home) => {
  let busybox: Uint8Array = new Uint8Array();
  beforeAll(async () => {
    busybox = await readBusybox();
  }, 300_000);

  /** Imports an image of busybox with this configuration. */
  async function imported(name: string, config: Record<string, unknown>, hasShell = true): Promise<void> {
    const layout = join(home().folder, `layout-${name}`);
    const names = hasShell ? [...applets, "wc", "readlink"] : [];
    const layer = archive([
      ...busyboxFolder(busybox, names),
      folder("etc"),
      file("etc/passwd", passwd),
      file("etc/group", group),
      file("init", init, 0o755),
      folder("run"),
      folder("run/mysqld"),
      folder("tmp"),
      file("tmp/seed", "s"),
      fifo("ready"),
    ]);
    writeLayout(layout, [layer], { config });
    await home().ok(["image", "import", layout, "--name", name]);
  }

  const run = (image: string, ...words: string[]) => ["vm", "run", "--rm", "--image", image, ...small, ...words];

  test("folder, groups, environment, devices, limits, loopback, and what the image has in /run and /tmp", async () => {
    await imported("plain", { Env: ["PATH=/bin", "PIP_INDEX_URL=https://image.example.com"] });
    const script = `pwd; echo $PIP_INDEX_URL $UV_INDEX_URL; ls -d /run/mysqld /tmp/seed /dev/shm /dev/net/tun /dev/loop-control
      : 3<>/dev/fuse && : 4<>/dev/net/tun && : 5<>/dev/loop-control && echo opened
      ping -c 1 -W 2 127.0.0.1 >/dev/null && echo lo; ulimit -n; cat /proc/sys/vm/max_map_count`;
    const env = { PIP_INDEX_URL: "https://host.example.com", UV_INDEX_URL: "https://uv.example.com" };
    await home().ok(["daemon", "stop"]);
    const said = await home().ok(run("plain", "--", "sh", "-c", script), { env });
    const places = "/dev/loop-control\n/dev/net/tun\n/dev/shm\n/run/mysqld\n/tmp/seed\n";
    const start = `/\nhttps://image.example.com https://uv.example.com\n${places}opened\n`;
    expect(said.stdout).toBe(`${start}lo\n65536\n1048576\n`);
    const ids = await home().ok(run("plain", "--", "id", "-G"));
    expect(ids.stdout).toBe("0\n");
  }, 240_000);

  test("a program is PID 1 by --entrypoint and by --init, and its status is the command's", async () => {
    await imported("own", { Entrypoint: ["/init"], Cmd: ["cmd"], Env: ["PATH=/bin"] });
    const named = await home().banger(run("own", "--entrypoint", "/init", "--", "typed"));
    expect([named.code, named.stdout]).toEqual([3, "pid 1 typed\n"]);
    const own = await home().banger(run("own", "--init"));
    expect([own.code, own.stdout]).toEqual([3, "pid 1 cmd\n"]);
  }, 240_000);

  test("a user whose shell refuses logins gets the image's command, and one group where one is named", async () => {
    await imported("srv", { User: "srv:web", Cmd: ["/bin/busybox", "id"] });
    expect((await home().ok(run("srv"))).stdout).toBe("uid=101(srv) gid=88(web) groups=88(web)\n");
  }, 120_000);

  test("detached, an image without a shell runs its command; stopped, it has the grace to end", async () => {
    // PID 1 of a container gets no signal without a handler: the stop waits until the trap is set
    const program = `trap '/bin/busybox sleep 4; echo saved >/saved; exit 0' TERM; echo >/ready
      while :; do /bin/busybox sleep 1; done`;
    await imported("bare", { Entrypoint: ["/bin/busybox", "sh", "-c", program] }, false);
    await home().ok(["vm", "run", "-d", "--name", "bare", "--image", "bare", ...small]);
    await home().ok(["vm", "exec", "bare", "--", "/bin/busybox", "cat", "/ready"]);
    await home().ok(["vm", "stop", "--grace", "60s", "bare"]);
    await home().ok(["vm", "start", "bare"]);
    expect((await home().ok(["vm", "exec", "bare", "--", "/bin/busybox", "cat", "/saved"])).stdout).toBe("saved\n");
    await home().ok(["vm", "delete", "bare"]);
  }, 240_000);

  test("an overlay's upper half may be in /root, and stays there over a restart and a save", async () => {
    await imported("disk", { Env: ["PATH=/bin"] });
    await home().ok(["vm", "run", "-d", "--name", "disk", "--image", "disk", ...small]);
    const sh = (script: string) => home().ok(["vm", "exec", "disk", "--", "/bin/busybox", "sh", "-c", script]);
    const busy = "/bin/busybox";
    const dirs = `for d in l u w m; do ${busy} mkdir -p /root/$d; done`;
    const mount = `${busy} mount -t overlay o -o lowerdir=/root/l,upperdir=/root/u,workdir=/root/w /root/m`;
    await sh(`${dirs}; ${mount} && echo kept >/root/m/f && ${busy} umount /root/m && ${busy} rm /tmp/seed`);
    await home().ok(["vm", "stop", "disk"]);
    await home().ok(["vm", "save", "disk", "disk2"]);
    await home().ok(["vm", "start", "disk"]);
    const look = "cat /root/u/f; ls /tmp";
    expect((await sh(look)).stdout).toBe("kept\n");
    expect((await home().ok(run("disk2", "--", "sh", "-c", look))).stdout).toBe("kept\n");
    await home().ok(["vm", "delete", "disk"]);
  }, 240_000);

  test("the host's CA certificates are found by variables that name files of the image", async () => {
    const made = join(home().folder, "own.pem");
    const argv = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      "/dev/null",
      "-out",
      made,
      "-subj",
      "/CN=own",
    ];
    expect(Bun.spawnSync(["openssl", ...argv], { stdio: ["ignore", "ignore", "ignore"] }).exitCode).toBe(0);
    writeFileSync(join(home().folder, "empty"), "");
    await home().ok(["daemon", "stop"]);
    const script =
      'for n in SSL_CERT_FILE NODE_EXTRA_CA_CERTS CURL_CA_BUNDLE; do eval v=\\$$n; echo "$n=$v"; [ -z "$v" ] || cat "$v" >/dev/null; done';
    const said = await home().ok(run("plain", "--", "sh", "-ec", script), { env: { SSL_CERT_FILE: made } });
    const extra = "/usr/local/share/ca-certificates/banger.pem";
    expect(said.stdout).toBe(`SSL_CERT_FILE=\nNODE_EXTRA_CA_CERTS=${extra}\nCURL_CA_BUNDLE=\n`);
  }, 120_000);
});
