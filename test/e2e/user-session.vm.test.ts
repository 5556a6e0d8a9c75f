/** A user's manager, runtime folder and bus, in commands that are not logins. */
import { expect, test } from "bun:test";
import { vmSuite } from "./harness.ts";

const root: string[] = [];
const dev = ["--user", "dev"];

vmSuite("user session", (home) => {
  const sh = async (vm: string, user: readonly string[], script: string) => {
    const { code, stdout, stderr } = await home().banger(["vm", "exec", ...user, vm, "--", "sh", "-c", script], {
      timeoutMs: 120_000,
    });
    return { code, stdout, stderr };
  };
  const started = async (vm: string) => (await home().json<{ startedHow: string }>(["vm", "show", vm])).startedHow;
  const fine = (stdout: string) => ({ code: 0, stdout, stderr: "" });
  const works = async (vm: string, user: readonly string[], uid: number) => {
    expect(await sh(vm, user, "systemctl --user is-system-running")).toEqual(fine("running\n"));
    expect(
      await sh(vm, user, 'echo "$XDG_RUNTIME_DIR" "$DBUS_SESSION_BUS_ADDRESS"; stat -c "%a %u" "$XDG_RUNTIME_DIR"'),
    ).toEqual(fine(`/run/user/${uid} unix:path=/run/user/${uid}/bus\n700 ${uid}\n`));
    // a service, one that is started over the bus, and a scope, as rootless podman makes for each container
    const started =
      "systemd-run --user --quiet --wait --pipe id -u; busctl --user --quiet call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.DBus.Peer Ping";
    expect(await sh(vm, user, `${started}; systemd-run --user --quiet --scope id -u`)).toEqual(
      fine(`${uid}\n${uid}\n`),
    );
  };

  test("in a VM from a template: root at once, and a new user's first command", async () => {
    await home().ok(["vm", "run", "--name", "u", "--detach"]);
    expect(await started("u")).toMatch(/^restored from template/);
    await works("u", root, 0);
    expect((await sh("u", root, "useradd --create-home --shell /bin/bash dev")).code).toBe(0);
    await works("u", dev, 1000);
    expect(await sh("u", root, "systemctl is-system-running")).toEqual(fine("running\n"));
  }, 300_000);

  test("a user's services outlive the logins of that user, and no user without a login gets any", async () => {
    const keeps =
      "busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager UserStopDelayUSec";
    expect(await sh("u", root, keeps)).toEqual(fine("t 18446744073709551615\n"));
    expect(await sh("u", root, 'su --login dev --command "systemctl --user is-system-running"')).toEqual(
      fine("running\n"),
    );
    expect(await sh("u", ["--user", "nobody"], 'echo "[$XDG_RUNTIME_DIR]"; ls /run/user')).toEqual(
      fine("[]\n0\n1000\n"),
    );
    expect(await sh("u", ["--user", "4242"], 'echo "[$XDG_RUNTIME_DIR]"')).toEqual(fine("[]\n"));
  }, 120_000);

  test("in a fork, where another user is new", async () => {
    await home().ok(["vm", "fork", "u", "child"], { timeoutMs: 60_000 });
    await works("child", root, 0);
    await works("child", dev, 1000);
    expect((await sh("child", root, "useradd --create-home --shell /bin/bash ann")).code).toBe(0);
    await works("child", ["--user", "ann"], 1001);
    await home().ok(["vm", "delete", "child"]);
  }, 300_000);

  test("a service that a user has enabled runs again after a restart, with the user's first command", async () => {
    const unit = "[Service]\\nExecStart=sleep infinity\\n[Install]\\nWantedBy=default.target\\n";
    const enable = `mkdir -p ~/.config/systemd/user; printf '${unit}' >~/.config/systemd/user/s.service; systemctl --user --quiet enable --now s`;
    expect((await sh("u", dev, enable)).code).toBe(0);
    await home().ok(["vm", "restart", "u"], { timeoutMs: 240_000 });
    expect(await sh("u", dev, "systemctl --user is-active s; systemctl --user is-system-running")).toEqual(
      fine("active\nrunning\n"),
    );
  }, 300_000);

  test("a VM that booted: root's manager starts soon after the first command, a user's with it", async () => {
    const wait =
      "journalctl -q -f -n all -u user@0.service | grep -q -m 1 Started; systemctl --user is-system-running --wait";
    const script = `echo "$XDG_RUNTIME_DIR"; ${wait}`;
    const done = await home().banger(["vm", "run", "--name", "cold", "--cold", "--", "sh", "-c", script], {
      timeoutMs: 240_000,
    });
    expect([done.code, done.stdout]).toEqual([0, "/run/user/0\nrunning\n"]);
    await works("cold", root, 0);
    expect((await sh("cold", root, "useradd --create-home --shell /bin/bash dev")).code).toBe(0);
    await works("cold", dev, 1000);
  }, 300_000);
});
