/** The test host itself: what the other suites rely on. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { systemSuite } from "./harness.ts";

systemSuite("the system test host", (host) => {
  test("systemd is up, and every unit with it", async () => {
    expect((await host().shell("systemctl is-system-running")).trim()).toBe("running");
    expect(await host().shell("ps -o comm= -p 1; stat -fc %T /sys/fs/cgroup")).toBe("systemd\ncgroup2fs\n");
  });

  test("names are resolved by systemd-resolved", async () => {
    expect(await host().shell("getent -s resolve hosts localhost; readlink /etc/resolv.conf")).toContain(
      "/run/systemd/resolve/stub-resolv.conf",
    );
    expect((await host().shell("resolvectl query localhost")).trim()).toContain("127.0.0.1");
  });

  test("it has bridges, TAP interfaces that any user opens, and packet filters, none of them ours", async () => {
    await host().shell(`set -e
ip link add br-test type bridge; ip link set br-test up
ip tuntap add dev tap-test mode tap user owner; ip link set tap-test master br-test
nft add table bridge test; nft add table inet test; sysctl -q net.ipv4.ip_forward=1`);
    expect(await host().shell("nft list tables")).toBe("table bridge test\ntable inet test\n");
    expect((await host().as("owner", ["test", "-r", "/dev/net/tun", "-a", "-w", "/dev/net/tun"])).code).toBe(0);
    expect(existsSync("/sys/class/net/br-test")).toBe(false);
    expect(await host().shell("ip -o route show default")).toBe("");
  });

  test("a unit is refused devices that it does not name", async () => {
    const reads = (...properties: string[]) =>
      host().run(["systemd-run", "--quiet", "--pipe", "--wait", ...properties, "cat", "/dev/net/tun"]);
    expect((await reads("-pDevicePolicy=closed")).stderr).toContain("Operation not permitted");
    expect((await reads("-pDevicePolicy=closed", "-pDeviceAllow=/dev/net/tun")).stderr).toContain(
      "File descriptor in bad state",
    );
  });

  test("its owner may use sudo, another user not, and both have the product in their path's reach", async () => {
    expect((await host().as("owner", ["sudo", "-n", "id", "-u"])).stdout).toBe("0\n");
    expect((await host().as("other", ["sudo", "-n", "id", "-u"])).code).not.toBe(0);
    const { code, stdout } = await host().as("owner", ["banger/build/bin/banger", "image", "list", "--json"]);
    expect([code, JSON.parse(stdout)]).toEqual([0, [expect.objectContaining({ name: "tiny" })]]);
    expect((await host().as("owner", ["banger/build/bin/banger", "daemon", "stop"])).code).toBe(0);
  });

  test("what it wrote is there after a reboot, and what it had in memory is not", async () => {
    await host().shell("echo kept > /etc/kept; touch /run/gone");
    const boot = () => host().shell("ls /etc/kept /run/gone 2>/dev/null; ip -o link show br-test 2>/dev/null || true");
    expect(await boot()).toContain("/run/gone\n");
    await host().reboot();
    expect(await boot()).toBe("/etc/kept\n");
  });

  test("it ends with everything that runs in it", async () => {
    await host().shell("setsid sleep 1000 >/dev/null 2>&1 & disown");
    const { leader } = host().container;
    await host().close();
    expect(existsSync(`/proc/${leader}`)).toBe(false);
  });
});
