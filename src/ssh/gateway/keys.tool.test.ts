/** Keys of every kind, as OpenSSH makes, holds and uses them: each logs in to the gateway, or is refused where it must be. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { ensureUserKey } from "../keys.ts";
import { tokenAgent } from "./testing/agent.ts";
import { ed25519Token, field, p256Token, type Token } from "./testing/security-key.ts";

const reason = gate("tool:ssh") ?? gate("tool:ssh-keygen");

describe.skipIf(reason !== null)(reason === null ? "OpenSSH's keys" : `OpenSSH's keys [${reason}]`, () => {
  const folder = tempFolder();
  const at = (name: string) => join(folder.path, name);
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder.path };

  const run = async (argv: string[], more: Record<string, string> = {}, input = "") => {
    const child = Bun.spawn(argv, {
      cwd: folder.path,
      env: { ...env, ...more },
      stdio: [new TextEncoder().encode(input), "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, stdout, stderr };
  };
  const keygen = async (...words: string[]) => {
    const { code, stderr } = await run(["ssh-keygen", "-q", ...words]);
    if (code !== 0) throw new Error(stderr);
  };
  const program = join(import.meta.dirname, "testing/program.ts");
  /** Logs in where `accepted` may, a file with a public key. */
  const login = (accepted: string, options: string[], more = {}) => {
    const proxy = [process.execPath, program, at("host"), at(accepted)].map((word) => `'${word}'`).join(" ");
    const fixed = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "LogLevel=ERROR"];
    const words = [`ProxyCommand=${proxy}`, ...fixed, ...options].flatMap((option) => ["-o", option]);
    return run(["ssh", "-F", "none", ...words, "box.vm", "echo in"], more);
  };

  beforeAll(() => ensureUserKey({}, { sshKey: at("host") }));
  afterAll(() => folder[Symbol.dispose]());

  test.each([
    ["rsa", ["-t", "rsa", "-b", "2048"]],
    ["ecdsa256", ["-t", "ecdsa", "-b", "256"]],
    ["ecdsa384", ["-t", "ecdsa", "-b", "384"]],
    ["ecdsa521", ["-t", "ecdsa", "-b", "521"]],
    ["ed25519", ["-t", "ed25519"]],
  ])("%s", async (name, kind) => {
    await keygen(...kind, "-N", "", "-f", at(name));
    expect(await login(`${name}.pub`, [`IdentityFile="${at(name)}"`])).toMatchObject({
      ...{ code: 0, stdout: "in\n" },
    });
  });

  test("rsa with SHA-1 is refused", async () => {
    await keygen("-t", "rsa", "-b", "2048", "-N", "", "-f", at("sha1"));
    const { code } = await login("sha1.pub", [`IdentityFile=${at("sha1")}`, "PubkeyAcceptedAlgorithms=ssh-rsa"]);
    expect(code).toBe(255);
  });

  test("a key with a passphrase, for which ssh asks", async () => {
    await keygen("-t", "ed25519", "-N", "a secret", "-f", at("locked"));
    writeFileSync(at("askpass"), "#!/bin/sh\necho 'a secret'\n");
    chmodSync(at("askpass"), 0o700);
    const asking = { SSH_ASKPASS: at("askpass"), SSH_ASKPASS_REQUIRE: "force" };
    expect(await login("locked.pub", [`IdentityFile=${at("locked")}`], asking)).toMatchObject({ code: 0 });
    expect(await login("locked.pub", [`IdentityFile=${at("locked")}`, "BatchMode=yes"])).toMatchObject({ code: 255 });
  });

  test("a key that an ssh-agent holds, named by its public half", async () => {
    await keygen("-t", "ed25519", "-N", "", "-f", at("held"));
    copyFileSync(at("held.pub"), at("alone.pub"));
    const script = 'ssh-add -q held && exec "$@"';
    const inAgent = (options: string[]) => {
      const proxy = [process.execPath, program, at("host"), at("alone.pub")].map((word) => `'${word}'`).join(" ");
      const fixed = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes"];
      const words = [`ProxyCommand=${proxy}`, ...fixed, ...options].flatMap((option) => ["-o", option]);
      return run(["ssh-agent", "sh", "-c", script, "sh", "ssh", "-F", "none", ...words, "box.vm", "echo in"]);
    };
    for (const file of ["alone", "alone.pub"])
      expect(await inAgent([`IdentityFile=${at(file)}`])).toMatchObject({ code: 0, stdout: "in\n" });
  });

  test("with a certificate beside it, a key logs in as itself; another key with a certificate does not", async () => {
    for (const name of ["authority", "certified", "other"]) await keygen("-t", "ed25519", "-N", "", "-f", at(name));
    for (const name of ["certified", "other"])
      await keygen("-s", at("authority"), "-I", "me", "-n", "root", at(`${name}.pub`));
    expect(await login("certified.pub", [`IdentityFile=${at("certified")}`])).toMatchObject({ code: 0 });
    expect(await login("certified.pub", [`IdentityFile=${at("other")}`])).toMatchObject({ code: 255 });
  });

  describe.each([
    ["sk-ssh-ed25519", () => ed25519Token()],
    ["sk-ecdsa", () => p256Token()],
  ] as [string, () => Token][])("a FIDO key: %s", (name, make) => {
    test("in an agent", async () => {
      const token = make();
      writeFileSync(at(`${name}.pub`), `${token.line}\n`);
      const server = await tokenAgent(at(`${name}.sock`), [token]);
      const identity = [`IdentityFile=${at(`${name}.pub`)}`, `IdentityAgent=${at(`${name}.sock`)}`];
      expect(await login(`${name}.pub`, identity)).toMatchObject({ code: 0, stdout: "in\n" });
      const untouched: Token = { ...token, sign: (message) => token.sign(message, { flags: 0 }) };
      const other = await tokenAgent(at(`${name}.idle`), [untouched]);
      const without = [`IdentityFile=${at(`${name}.pub`)}`, `IdentityAgent=${at(`${name}.idle`)}`];
      expect(await login(`${name}.pub`, without)).toMatchObject({ code: 255 });
      for (const one of [server, other]) one.close();
    });

    test("the token of these tests signs as OpenSSH wants it", async () => {
      const token = make();
      writeFileSync(at(`${name}.signers`), `me ${token.line}\n`);
      writeFileSync(at(`${name}.sig`), armoured(token, "a message"));
      const verify = ["ssh-keygen", "-Y", "verify", "-f", at(`${name}.signers`), "-I", "me", "-n", "test"];
      expect(await run([...verify, "-s", at(`${name}.sig`)], {}, "a message")).toMatchObject({ code: 0 });
      expect((await run([...verify, "-s", at(`${name}.sig`)], {}, "another")).code).not.toBe(0);
      expect(readFileSync(at(`${name}.sig`), "utf8")).toContain("SSH SIGNATURE");
    });
  });
});

/** A signature for the namespace `test`, in the form of OpenSSH's PROTOCOL.sshsig. */
function armoured(token: Token, message: string): string {
  const about = [field("test"), field(""), field("sha512")];
  const magic = Buffer.from("SSHSIG");
  const signed = Buffer.concat([magic, ...about, field(createHash("sha512").update(message).digest())]);
  const version = Buffer.of(0, 0, 0, 1);
  const blob = Buffer.concat([magic, version, field(token.blob), ...about, field(token.sign(signed))]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join("\n")}\n-----END SSH SIGNATURE-----\n`;
}
