/** VMs that start from a template: each has its own identity at once, and none can damage the template. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { tinyArtifacts } from "../../src/images/testing/tiny.ts";
import { vmSuite } from "./harness.ts";
import { until } from "./processes.ts";

type Template = { key: string; uses: number; facts: { image: { name: string } } };
const small = ["--image", "tiny", "--memory", "128M", "--vcpu", "1", "--network", "none"];

vmSuite("templates", (home) => {
  const templates = () => home().json<Template[]>(["template", "ls"]);
  const inGuest = async (vm: string, script: string) =>
    (await home().ok(["vm", "exec", vm, "--", "sh", "-c", script])).stdout;
  const started = async (vm: string) => (await home().json<{ startedHow: string }>(["vm", "show", vm])).startedHow;
  const folderOf = ({ key }: Template) => join(home().folder, "s/banger/templates", key.slice("sha256:".length));
  const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
  const tiny = async () => {
    if ((await home().banger(["image", "show", "tiny"])).code === 0) return;
    const { paths, image } = await tinyArtifacts();
    const [layer] = image.layers;
    if (layer) await home().ok(["image", "register", "tiny", "--rootfs", paths.layer(layer.digest)]);
  };
  const tinyTemplate = async () => {
    await tiny();
    await home().ok(["vm", "run", "--rm", ...small, "--", "true"]);
    const found = (await templates()).find(({ facts }) => facts.image.name === "tiny");
    if (!found) throw new Error("no template of the tiny image");
    return found;
  };

  test("two VMs of a template are two machines, from the first command on", async () => {
    const lines = {
      hostname: "hostname",
      "machine id": "cat /etc/machine-id",
      "boot id": "cat /proc/sys/kernel/random/boot_id",
      mac: "cat /sys/class/net/*/address | grep -v 00:00:00:00:00:00",
      "host key": "cat /etc/ssh/ssh_host_ed25519_key.pub",
      urandom: "head -c 64 /dev/urandom | sha256sum",
      openssl: "openssl rand -hex 64",
      python: "python3 -c 'import random; print(random.getrandbits(512))'",
      "systemd's seed": "sha256sum < /var/lib/systemd/random-seed",
    };
    const script = Object.values(lines).join("; echo; echo --; ");
    const both = await Promise.all(
      ["one", "two"].map((name) => home().ok(["vm", "run", "--name", name, "--", "sh", "-c", script])),
    );
    const said = both.map(({ stdout }) => stdout.split("\n--\n").map((part) => part.trim()));
    Object.keys(lines).forEach((what, at) => {
      const [one, two] = said.map((all) => all[at] ?? "");
      expect([what, one]).not.toEqual([what, ""]);
      expect([what, one]).not.toEqual([what, two as string]);
    });
    for (const name of ["one", "two"]) expect(await started(name)).toMatch(/^restored from template [0-9a-f]{12}/);
    expect((await templates())[0]?.uses).toBeGreaterThanOrEqual(2);
  }, 240_000);

  test("journald is stopped until something is logged, and files it under the VM's own ids; the same in a fork", async () => {
    await home().ok(["vm", "run", "--name", "quiet", "--detach"]);
    const journald = 'cat /proc/$(pidof systemd-journald)/stat | sed "s/.*) //" | cut -c 1';
    expect(await inGuest("quiet", journald)).toBe("T\n");
    await home().ok(["vm", "fork", "quiet", "child"], { timeoutMs: 60_000 });
    for (const name of ["quiet", "child"]) {
      expect(await inGuest(name, journald)).toBe("T\n");
      const [said = "", machine = "", boot = ""] = (
        await inGuest(
          name,
          `logger first; journalctl -q -f -n all -o json MESSAGE=first | head -n 1; cat /etc/machine-id /proc/sys/kernel/random/boot_id`,
        )
      ).split("\n");
      const { _MACHINE_ID, _BOOT_ID, _HOSTNAME } = JSON.parse(said) as Record<string, string>;
      expect([_MACHINE_ID, _BOOT_ID, _HOSTNAME]).toEqual([machine, boot.replaceAll("-", ""), name]);
      expect(await inGuest(name, `${journald}; systemctl --failed --no-legend`)).toBe("S\n");
    }
    await home().ok(["vm", "delete", "quiet", "child"]);
  }, 240_000);

  test("the clock is right, and TLS works at once", async () => {
    const make =
      "cd /tmp && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null";
    const serve = "openssl s_server -accept 4433 -key k -cert c -www >/dev/null 2>&1 &";
    const ask =
      "openssl s_client -connect localhost:4433 -CAfile c -verify_return_error </dev/null 2>&1 | grep 'Verify return code'";
    const { stdout } = await home().ok([
      "vm",
      "run",
      "--rm",
      "--",
      "sh",
      "-c",
      `date +%s; ${make}; ${serve} for i in $(seq 50); do ${ask} && break; sleep 0.1; done`,
    ]);
    const [time, verified] = stdout.trim().split("\n");
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
    expect(verified).toContain("0 (ok)");
  }, 120_000);

  for (const how of ["poweroff", "halt", "reboot"]) {
    test(`${how} in a VM from the template is the guest's own doing, and not a failure`, async () => {
      type Shown = { state: string; generation: number; failure: unknown };
      const show = () => home().json<Shown>(["vm", "show", how]);
      await home().ok(["vm", "run", "--name", how, "--detach"]);
      expect(await started(how)).toMatch(/^restored from template/);
      const before = (await show()).generation;
      await home().banger(["vm", "exec", how, "--", "systemctl", how]);
      const hasEnded = ({ state, generation }: Shown) =>
        how === "reboot" ? generation > before && state === "running" : state !== "running";
      await until("the guest has ended", async () => hasEnded(await show()), 120_000);
      expect(await show()).toMatchObject({ state: how === "reboot" ? "running" : "stopped", failure: null });
      await home().ok(["vm", "delete", how]);
    }, 240_000);
  }

  test("docker runs in a VM from the template", async () => {
    expect(await inGuest("one", "docker ps --format x && systemctl is-active docker")).toBe("active\n");
    await home().ok(["vm", "delete", "one", "two"]);
  }, 120_000);

  test("a larger disk is available at once", async () => {
    const { stdout } = await home().ok([
      "vm",
      "run",
      "--rm",
      "--disk",
      "20G",
      "--",
      "df",
      "-B1G",
      "--output=size",
      "/",
    ]);
    expect(Number(stdout.split("\n")[1])).toBeGreaterThan(18);
  }, 120_000);

  test("a hundred VMs, hostile ones among them, leave the template unchanged, and nothing behind", async () => {
    const template = await tinyTemplate();
    const memory = join(folderOf(template), "memory.bin");
    const before = hashOf(memory);
    const daemon = home().daemon().pid;
    const spoil =
      "head -c 30000000 /dev/urandom > /tmp/x; echo 3 > /proc/sys/vm/drop_caches; rm /tmp/x; echo 1 > /proc/sys/vm/compact_memory";
    const ways = ["true", spoil, "echo c > /proc/sysrq-trigger", "true"];
    const run = async (at: number) => {
      const script = ways[at % ways.length] ?? "true";
      const { code } = await home().banger(["vm", "run", "--rm", ...small, "--", "sh", "-c", script]);
      if (script === "true") expect(code).toBe(0);
    };
    const batch = async (from: number, to: number) => {
      for (let at = from; at < to; at += 2) await Promise.all([run(at), run(at + 1)]);
    };
    await batch(0, 20);
    const early = usedBy(daemon);
    await batch(20, 100);
    expect(hashOf(memory)).toBe(before);
    await until("every VM is gone", async () => (await home().json<unknown[]>(["vm", "ls"])).length === 0);
    await until("only the daemon is left", () => home().processes().length === 1);
    expect(home().vmFiles()).toEqual([]);
    const late = usedBy(daemon);
    expect(late.files).toBeLessThanOrEqual(early.files + 2);
    expect(late.memoryKib - early.memoryKib).toBeLessThan(100_000);
    const [after] = (await templates()).filter(({ facts }) => facts.image.name === "tiny");
    expect([after?.key, after?.uses]).toEqual([template.key, expect.any(Number)]);
  }, 600_000);

  test("a damaged template is removed and reported; the VM boots, the next one makes a new template", async () => {
    const template = await tinyTemplate();
    truncateSync(join(folderOf(template), "state.bin"), 100);
    const run = await home().ok(["vm", "run", "--name", "t", ...small, "--", "true"]);
    expect(run.stderr).toMatch(/template [0-9a-f]{12} is thrown away, it can't be restored/);
    expect(await started("t")).toMatch(/^cold \(its template could not be restored/);
    await home().ok(["vm", "delete", "t"]);
    const next = await home().ok(["vm", "run", "--rm", ...small, "--", "true"]);
    expect(next.stderr).toContain("booting, once");
  }, 240_000);

  test("the daemon killed while a template is made: nothing is left, and the next daemon makes it", async () => {
    await tiny();
    const other = [...small.slice(0, 2), "--memory", "136M", ...small.slice(4)];
    const child = home().spawn(["vm", "run", "--rm", ...other, "--", "true"]);
    const isVmm = () =>
      home()
        .processes()
        .some((item) => item.name.startsWith("qemu"));
    await until("the template's VM boots", isVmm, 60_000);
    await home().killDaemon();
    expect(await child.exited).not.toBe(0);
    const next = await home().ok(["vm", "run", "--rm", ...other, "--", "true"]);
    expect(next.stderr).toContain("booting, once");
    await until("only the daemon is left", () => home().processes().length === 1);
    expect(home().vmFiles()).toEqual([]);
  }, 240_000);

  test("a warm VM is taken over, and ends with the daemon", async () => {
    await tinyTemplate();
    await home().ok(["daemon", "stop"]);
    home().configure("warm_vms = true\n");
    await home().ok(["vm", "run", "--rm", ...small, "--", "true"]);
    await until("a VM is warm", () =>
      home()
        .processes()
        .some((item) => item.name.startsWith("qemu")),
    );
    const names = ["cat", "/etc/hostname", "/etc/hosts"];
    const { stdout, stderr } = await home().ok([
      "vm",
      "run",
      "--rm",
      "--json",
      "--name",
      "taken",
      ...small,
      "--",
      ...names,
    ]);
    expect(stdout).toMatch(/^taken\n/);
    expect(stdout).not.toContain("warm");
    const events = stderr.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
    expect(events.some(({ kind, text }) => kind === "progress" && /restoring/.test(text))).toBe(false);
    await until("another one is warm", () =>
      home()
        .processes()
        .some((item) => item.name.startsWith("qemu")),
    );
    await home().ok(["daemon", "stop"]);
    expect(home().processes()).toEqual([]);
    expect(home().vmFiles()).toEqual([]);
    home().configure("warm_vms = false\n");
  }, 240_000);
});

/** Open files and resident memory of a process. */
function usedBy(pid: number): { files: number; memoryKib: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    files: readdirSync(`/proc/${pid}/fd`).length,
    memoryKib: Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0),
  };
}
