/** The default image with its services up: systemd, docker, sshd, the network. */
import { beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { programs } from "./home.ts";
import { write } from "./repo.ts";

vmSuite("services", (home) => {
  beforeAll(async () => {
    await home().ok(["vm", "run", "--name", "s", "--detach", "--memory", "1G"]);
  }, 300_000);
  const sh = (script: string, timeoutMs = 120_000) =>
    home().banger(["vm", "exec", "s", "--", "sh", "-c", script], { timeoutMs });

  test("--wait=services: systemd is running, not degraded", async () => {
    const { stdout } = await sh("systemctl is-system-running; systemctl --failed --no-legend; cat /proc/1/comm");
    expect(stdout).toBe("running\nsystemd\n");
  });

  test("the documented tools are there, and a UTF-8 locale", async () => {
    const tools = "git jq curl make gcc python3 rsync ps less ip docker mise sshd update-ca-certificates";
    expect(
      (
        await sh(
          `PATH=$PATH:/usr/sbin; for t in ${tools}; do command -v $t >/dev/null || echo missing $t; done; locale charmap`,
        )
      ).stdout,
    ).toBe("UTF-8\n");
  });

  test("the host name is the VM's, the machine-id its own, and nothing of the build is left", async () => {
    const { stdout } = await sh("hostname; wc -c </etc/machine-id; getent hosts s | head -n 1");
    expect(stdout).toStartWith("s\n33\n");
  });

  test("no signal is blocked or ignored that a program would expect", async () => {
    const { stdout } = await sh(
      "grep -h Sig[BI] /proc/self/status; systemd-run -q --pipe grep -h Sig[BI] /proc/self/status",
    );
    expect(stdout).toBe(
      `SigBlk:\t${"0".repeat(16)}\nSigIgn:\t${"0".repeat(16)}\n`.repeat(2).replace(/0{16}\n$/, "0000000000001000\n"),
    );
  });

  test("docker builds a scratch image and runs it", async () => {
    const script = `set -e; mkdir -p /tmp/scratch; cd /tmp/scratch
cat >main.c <<'EOF'
#include <stdio.h>
int main(void) { puts("hello from scratch"); return 4; }
EOF
gcc -static -o hello main.c
printf 'FROM scratch\\nCOPY hello /hello\\nENTRYPOINT ["/hello"]\\n' >Dockerfile
docker build -q -t scratch-test . >/dev/null
docker run --rm scratch-test`;
    const done = await sh(script, 240_000);
    expect([done.stdout, done.code, done.stderr.slice(-400)]).toEqual(["hello from scratch\n", 4, expect.any(String)]);
  }, 260_000);

  test("sshd is hardened", async () => {
    const { stdout } = await sh("mkdir -p /run/sshd; /usr/sbin/sshd -T");
    for (const line of [
      "permitrootlogin without-password",
      "pubkeyauthentication yes",
      "passwordauthentication no",
      "kbdinteractiveauthentication no",
      "authorizedkeysfile /root/.ssh/authorized_keys",
      "strictmodes yes",
    ]) {
      expect(stdout.split("\n")).toContain(line);
    }
  });

  test("StrictModes accepts the user's banger key; another key is refused", async () => {
    const key = join(home().folder, "s/banger/ssh/id_ed25519");
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const good = await ssh(key);
    expect([good.code, good.stdout, good.stderr.slice(-300)]).toEqual([0, "root\n", expect.any(String)]);
    const other = join(home().folder, "other_key");
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other]);
    expect((await ssh(other)).code).toBe(255);
    expect(readFileSync(`${key}.pub`, "utf8")).toStartWith("ssh-ed25519 ");
  }, 90_000);

  test("apt-get update and DNS work in the guest", async () => {
    const { code, stdout, stderr } = await sh("apt-get update -q 2>&1 && getent hosts deb.debian.org", 240_000);
    expect([code, stdout.slice(-1500), stderr.slice(-500)]).toEqual([
      0,
      expect.stringContaining("Reading package lists"),
      "",
    ]);
  }, 260_000);

  test("the guest gets proxy variables and extra CA certificates of the host", async () => {
    const proxies = ["http_proxy", "https_proxy", "no_proxy"].filter((name) => home().env[name]);
    for (const name of proxies) expect((await sh(`printf %s "$${name}"`)).stdout).not.toBe("");
    const extra = home().env["NODE_EXTRA_CA_CERTS"] ?? home().env["SSL_CERT_FILE"];
    if (extra)
      expect(Number((await sh("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt")).stdout)).toBeGreaterThan(100);
  });

  test("a service on the host's loopback is not reachable from the guest", async () => {
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: () => {}, open: (socket) => void socket.end("host loopback\n") },
    });
    try {
      const targets = "127.0.0.1 $(ip route show default | cut -d' ' -f3)";
      const probe = `for a in ${targets}; do timeout 5 bash -c "cat </dev/tcp/$a/${server.port}" 2>/dev/null && echo reached $a; done; true`;
      expect((await sh(probe)).stdout).toBe("");
    } finally {
      server.stop(true);
    }
  }, 60_000);

  test("the VMM and its helper run confined: no capabilities, no new privileges", async () => {
    for (const name of ["qemu", "passt"]) {
      const status = readFileSync(`/proc/${home().processOf(name).pid}/status`, "utf8");
      expect(status).toMatch(/CapEff:\s+0{16}/);
      if (name === "qemu") expect(status).toMatch(/NoNewPrivs:\s+1/);
    }
  });

  /** A real ssh client against a real sshd in the guest, joined by an exec; no network in between. */
  function ssh(key: string) {
    const proxy = join(home().folder, "proxy.sh");
    write(home().folder, {
      "proxy.sh": `#!/bin/sh\nexec ${programs}/banger vm exec s -- sh -c 'mkdir -p /run/sshd; exec /usr/sbin/sshd -i'\n`,
    });
    chmodSync(proxy, 0o755);
    const options = [
      `ProxyCommand=${proxy}`,
      "StrictHostKeyChecking=no",
      "UserKnownHostsFile=/dev/null",
      "BatchMode=yes",
      "IdentitiesOnly=yes",
      "IdentityAgent=none",
    ];
    const argv = ["ssh", "-F", "none", "-i", key, ...options.flatMap((option) => ["-o", option]), "root@s", "id -un"];
    return finished(Bun.spawn(argv, { env: home().env, stdin: "ignore", stdout: "pipe", stderr: "pipe" }));
  }
});

async function finished(child: Bun.Subprocess<"ignore", "pipe", "pipe">) {
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}
