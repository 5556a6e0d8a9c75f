import { expect, test } from "bun:test";
import { clientConfigText, gatewayKnownHosts } from "./client-config.ts";

test("one block for all VMs; no word of it is the shell's or ssh's to expand", () => {
  const text = clientConfigText({
    program: "/opt/it's 100%/banger",
    identity: "/home/a b/id",
    admits: null,
    knownHosts: "/home/a%b/known",
  });
  expect(text).toContain(`  ProxyCommand '/opt/it'\\''s 100%%/banger' ssh-gateway '%h'\n`);
  expect(text).toContain('  IdentityFile "/home/a b/id"\n');
  expect(text).toContain('  UserKnownHostsFile "/home/a%%b/known"\n');
  expect(text.match(/^Host /gm)).toEqual(["Host "]);
  expect(text).toContain("  StrictHostKeyChecking yes\n");
});

test("a key of the user's own is the one that the gateway admits", () => {
  const facts = { program: "/b", identity: "/h/my key", admits: "/h/my key.pub", knownHosts: "/k" };
  const text = clientConfigText(facts);
  expect(text).toContain(`  ProxyCommand '/b' ssh-gateway '%h' '/h/my key.pub'\n`);
  expect(text).toContain('  IdentityFile "/h/my key"\n');
});

test("the gateway's key is that of every VM", () => {
  expect(gatewayKnownHosts("ssh-ed25519 AAAAC3 a comment")).toBe("*.vm ssh-ed25519 AAAAC3\n");
});
