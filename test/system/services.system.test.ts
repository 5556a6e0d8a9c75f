/** The quick start, and VMs through both services: what each may do, and what becomes of a VM when one ends. */
import { expect, test } from "bun:test";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";
import { buildFolder } from "./host/product.ts";
import { owner } from "./host/rootfs.ts";

const services = ["bangerd", "bangerd-root"] as const;
/** CAP_NET_BIND_SERVICE and CAP_NET_ADMIN: capabilities(7), linux/capability.h */
const [bindService, netAdmin] = [1n << 10n, 1n << 12n];

systemSuite("the two services", (host) => {
  const mainPid = async (unit: string) =>
    (await host().shell(`systemctl show --property=MainPID --value ${unit}`)).trim();
  /** The capabilities of a process: those that it has, those that it could get, and those that its children get. */
  const capabilities = async (pid: string) => {
    const status = await host().shell(`cat /proc/${pid}/status`);
    return ["Eff", "Bnd", "Amb"].map((name) =>
      BigInt(`0x${new RegExp(`^Cap${name}:\\s*(\\w+)$`, "m").exec(status)?.[1]}`),
    );
  };
  const answers = async () => {
    expect((await host().as(owner.name, ["curl", "-sS", "--max-time", "10", "http://sandbox.vm:3000/"])).stdout).toBe(
      "hello\n",
    );
    expect(await host().inGuest("sandbox", "cat /proc/uptime | cut -d. -f1")).toMatch(/^\d+$/);
  };

  test("`make build` and `sudo banger system install` install them in five seconds", async () => {
    const argv = [`${buildFolder}/banger`, "system", "install", "--owner", owner.name];
    const { code, ms, stderr } = await host().sudo(argv);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("error")]);
    expect(ms).toBeLessThan(5000);
    expect(await host().shell(`systemctl is-active ${services.join(" ")}`)).toBe("active\nactive\n");
    expect(await host().shell(`systemctl is-enabled ${services.join(" ")}`)).toBe("enabled\nenabled\n");
    expect((await host().shell("systemctl is-system-running")).trim()).toBe("running");
  });

  test("images that were made before are copied to the service", async () => {
    await host().ok(["system", "adopt"]);
    expect(await host().json(["image", "list"])).toEqual([expect.objectContaining({ name: "tiny" })]);
  });

  test("a VM runs on the bridge, and any program of the host finds it by its name", async () => {
    const { stdout } = await host().ok(["vm", "run", "--rm", ...small, "--", "hostname"]);
    expect(stdout).toMatch(/^\S+\n$/);
    await host().ok(["vm", "run", "--name", "sandbox", "--detach", ...small]);
    await host().inGuest("sandbox", "mkdir /tmp/w; echo hello > /tmp/w/index.html; httpd -p 3000 -h /tmp/w");
    expect(await host().json(["vm", "show", "sandbox"])).toMatchObject({
      state: "running",
      spec: { network: { kind: "bridge" } },
    });
    await answers();
  });

  test("the owner's ssh reaches it by the service's key, and by a program that an upgrade replaces", async () => {
    await host().ok(["ssh-config", "--install"]);
    const { code, stdout, stderr } = await host().as(owner.name, ["ssh", "sandbox.vm", "hostname; exit 3"]);
    expect([code, stdout, stderr]).toEqual([3, "sandbox\n", ""]);
    expect(await host().shell(`cat /home/${owner.name}/.config/banger/ssh_config`)).toMatch(
      /ProxyCommand '\/usr\/local\/lib\/banger\/current\/banger'[\s\S]*"\/var\/lib\/banger\/ssh\/id_ed25519"/,
    );
    await host().ok(["ssh-config", "--uninstall"]);
    await host().shell(`! test -e /home/${owner.name}/.ssh/config`);
  });

  test("the daemon has the ports below 1024, its VMMs have nothing", async () => {
    expect(await capabilities(await mainPid("bangerd"))).toEqual([bindService, bindService, 0n]);
    const vmm = (await host().shell("pgrep -x qemu-system-x86")).trim();
    expect(await host().shell(`stat -c %U /proc/${vmm}`)).toBe("owner\n");
    const [effective, , ambient] = await capabilities(vmm);
    expect([effective, ambient]).toEqual([0n, 0n]);
    expect(await host().shell(`grep -E "^(NoNewPrivs|Seccomp):" /proc/${vmm}/status`)).toBe(
      "NoNewPrivs:\t1\nSeccomp:\t2\n",
    );
  });

  test("of root's capabilities the helper has one, without which it can't make a bridge", async () => {
    expect(await capabilities(await mainPid("bangerd-root"))).toEqual([netAdmin, netAdmin, 0n]);
    const dropIn = "/run/systemd/system/bangerd-root.service.d/less.conf";
    await host().shell(`mkdir -p $(dirname ${dropIn}); printf '[Service]\\nCapabilityBoundingSet=\\n' > ${dropIn}
systemctl daemon-reload; systemctl restart bangerd-root`);
    expect((await host().banger(["vm", "run", "--rm", ...small, "--", "true"])).code).not.toBe(0);
    expect(await host().shell("journalctl --no-pager -b -u bangerd-root")).toMatch(/Operation not permitted|EPERM/);
    await host().shell(`rm ${dropIn}; systemctl daemon-reload; systemctl restart bangerd-root`);
    await host().ok(["vm", "run", "--rm", ...small, "--", "true"]);
    await answers();
  });

  for (const [unit, most] of [
    ["bangerd", 3.0],
    ["bangerd-root", 2.5],
  ] as const)
    test(`systemd-analyze rates the exposure of ${unit} at ${most} at most`, async () => {
      const said = await host().shell(`systemd-analyze security --no-pager ${unit} | tail -n 1`);
      expect(Number(/: ([\d.]+) /.exec(said)?.[1] ?? Number.NaN)).toBeLessThanOrEqual(most);
    });

  for (const unit of services) {
    test(`a VM and its name outlive a restart of ${unit}`, async () => {
      await host().shell(`systemctl restart ${unit}`);
      await answers();
    });

    test(`a VM and its name outlive a SIGKILL of ${unit}`, async () => {
      const before = await mainPid(unit);
      // systemd has noticed once the process is gone; the start that it plans for later is made now
      await host().shell(
        `systemctl kill --kill-whom=main --signal=KILL ${unit}; tail --pid=${before} -f /dev/null; systemctl start ${unit}`,
      );
      expect(await mainPid(unit)).not.toBe(before);
      await answers();
    });
  }

  test("both at once, restarted as the owner asks for it", async () => {
    expect((await host().sudo(["banger", "system", "restart"])).code).toBe(0);
    await answers();
    await host().ok(["vm", "run", "--rm", ...small, "--", "true"]);
  });

  test("an upgrade replaces the programs under a running VM, and keeps those before it", async () => {
    // what is installed becomes an older version, which this build then replaces
    await host().shell(`set -e; cd /usr/local/lib/banger; now=$(readlink current); mv $now 0.0.1; ln -sfn 0.0.1 current
sed -i "s/\\"version\\": \\"$now\\"/\\"version\\": \\"0.0.1\\"/" /etc/banger/install.json`);
    const { code, stderr } = await host().sudo([`${buildFolder}/banger`, "system", "install"]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("error")]);
    const version = (await host().ok(["--version"])).stdout.trim().split(" ").at(-1);
    expect(await host().shell("cd /usr/local/lib/banger; readlink current previous; ls")).toBe(
      `${version}\n0.0.1\n0.0.1\n${version}\ncurrent\nprevious\n`,
    );
    expect((await host().banger(["system", "status"])).code).toBe(0);
    await answers();
  });

  test("after a reboot they are up, the bridge is there, and the VM starts from its disk at its address", async () => {
    const address = async () => (await host().shell("getent hosts sandbox.vm")).split(" ")[0];
    const before = await address();
    await host().inGuest("sandbox", "echo kept > /root/f; sync");
    await host().reboot();
    await host().ok(["vm", "start", "--wait=agent", "sandbox"]);
    expect(await host().inGuest("sandbox", "cat /root/f")).toBe("kept");
    expect(await address()).toBe(before);
  });

  test("the helper serves the daemon's main process, and says who else asked", async () => {
    const asks = `import socket
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect("/run/banger-root/bangerd-root.sock")
body = b'{"id":1,"verb":"status"}'
try:
    s.sendall(len(body).to_bytes(4, "little") + body)
    print(s.recv(4096))
except OSError as error: print(error.strerror)`;
    const said = await host().as(owner.name, ["python3", "-c", asks]);
    expect(said.stdout).not.toContain("bridge");
    expect((await host().as("other", ["python3", "-c", asks])).stderr).toContain("PermissionError");
    const log = await host().shell("journalctl --no-pager --output=cat -b -u bangerd-root | grep refused");
    expect(log).toMatch(/"uid":1000.*"program":"python3".*not the main process of bangerd.service/);
  });
});
