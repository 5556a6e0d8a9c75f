/** The default image's own sshd, at a VM's address on the bridge: banger's key opens it, and nothing else does. */
import { expect, test } from "bun:test";
import { systemSuite } from "./harness.ts";
import { owner } from "./host/rootfs.ts";

const key = "/var/lib/banger/ssh/id_ed25519";
const knownHosts = "/var/lib/banger/ssh/known_hosts";
const size = ["--memory", "1G", "--vcpu", "1"];

systemSuite(
  "the guest's own sshd",
  (host) => {
    const addressOf = async (name: string) => (await host().json<{ address: string }>(["vm", "show", name])).address;
    const strict = ["StrictHostKeyChecking=yes", `UserKnownHostsFile=${knownHosts}`, "IdentitiesOnly=yes"];
    const ssh = (to: string, options: string[], command = "hostname") =>
      host().as(owner.name, [
        "ssh",
        ...["-F", "none", "-o", "ConnectTimeout=20", "-o", "BatchMode=yes"],
        ...[...strict, ...options].flatMap((option) => ["-o", option]),
        to,
        command,
      ]);

    test("by address and by name, with host keys that the service has written down", async () => {
      await host().install();
      await host().ok(["vm", "run", "--name", "sandbox", "--detach", ...size]);
      for (const to of [`root@${await addressOf("sandbox")}`, "root@sandbox.vm"])
        expect(await ssh(to, [`IdentityFile=${key}`])).toMatchObject({ code: 0, stdout: "sandbox\n" });
    }, 600_000);

    test("not with another key, a password, or no key", async () => {
      const to = `root@${await addressOf("sandbox")}`;
      await host().as(owner.name, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/tmp/stranger"]);
      const refused = [
        ["IdentityFile=/tmp/stranger"],
        ["IdentityFile=none", "PubkeyAuthentication=no"],
        ["PubkeyAuthentication=no", "PreferredAuthentications=password,keyboard-interactive", "BatchMode=no"],
      ];
      for (const options of refused) {
        const { code, stderr } = await ssh(to, options);
        // what sshd offers is all there is
        expect([code, stderr]).toEqual([255, expect.stringContaining("Permission denied (publickey).")]);
      }
    }, 120_000);

    test("a VM that is restored from a template has host keys of its own, written down, too", async () => {
      await host().ok(["vm", "run", "--name", "second", "--detach", ...size]);
      expect(await host().json(["vm", "show", "second"])).toMatchObject({
        startedHow: expect.stringContaining("restored from template"),
      });
      const second = `root@${await addressOf("second")}`;
      expect(await ssh(second, [`IdentityFile=${key}`])).toMatchObject({ code: 0, stdout: "second\n" });
      const hostKey = "cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub";
      expect(await host().inGuest("second", hostKey)).not.toBe(await host().inGuest("sandbox", hostKey));
    }, 300_000);

    test("the keys of a VM that is deleted are forgotten, and its address is nobody's", async () => {
      const address = await addressOf("second");
      expect(await host().shell(`cat ${knownHosts}`)).toContain(address);
      await host().ok(["vm", "delete", "second"]);
      expect(await host().shell(`cat ${knownHosts}`)).not.toContain(address);
    }, 60_000);
  },
  { image: "default" },
);
