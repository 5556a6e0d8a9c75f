/**
 * The host's CA certificates in the guest, as programs use them: each fetches a page from a server whose certificate
 * is signed by the host's CA. The server runs in the guest too, so nothing leaves its loopback.
 */
import { beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { certificates } from "../../src/images/testing/certificates.ts";
import { vmSuite } from "./harness.ts";

const server = `import http.server, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/srv/server.pem", "/srv/server.key")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), http.server.SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
open("/srv/up", "w").close()
server.serve_forever()
`;

const page = "https://127.0.0.1/page";
/** Each prints the page, and fails if the certificate is not trusted. */
const programs: Record<string, string> = {
  curl: `curl -sS --noproxy '*' ${page}`,
  wget: `wget -qO- ${page}`,
  openssl: "openssl s_client -connect 127.0.0.1:443 -verify_return_error </dev/null >/dev/null 2>&1 && echo trusted",
  git: "git clone -q https://127.0.0.1/repo.git /tmp/clone && cat /tmp/clone/page; s=$?; rm -rf /tmp/clone; exit $s",
  python: `python3 -c 'import urllib.request as r; print(r.urlopen("${page}").read().decode(), end="")'`,
  requests: `python3 -c 'from pip._vendor import requests; print(requests.get("${page}").text, end="")'`,
  node: `/srv/node -e 'require("https").get("${page}", (r) => r.pipe(process.stdout)).on("error", () => process.exit(1))'`,
};
const hostNode = Bun.which("node");

vmSuite("authorities", (home) => {
  let place = "";
  const names = Object.keys(programs).filter((name) => name !== "node" || hostNode !== null);

  beforeAll(() => {
    place = join(home().folder, "tls");
    mkdirSync(place);
    certificates(place);
  });

  const exec = (vm: string, script: string, input?: string | Uint8Array) =>
    home().ok(["vm", "exec", vm, "--", "sh", "-c", script], input === undefined ? {} : { input });

  /** What each program prints in the running VM. */
  async function fetched(vm: string): Promise<Record<string, string>> {
    await exec(vm, "cd /srv; setsid python3 server.py >/dev/null 2>&1 </dev/null & cat /srv/up");
    const said = names.map((name) => `{ ${programs[name]}; } 2>/dev/null | tail -n 1 | tr -d '\\n'; echo`).join("\n");
    const lines = (await exec(vm, `unset http_proxy https_proxy all_proxy\n${said}`)).stdout.split("\n");
    return Object.fromEntries(names.map((name, at) => [name, lines[at] ?? ""]));
  }

  /** Runs a command with a new daemon; the command's environment, which the daemon inherits, names the CA certificate or not. */
  async function believing(isTrusted: boolean, args: string[]): Promise<void> {
    await home().ok(["daemon", "stop", "--force"]);
    await home().ok(args, { env: isTrusted ? { SSL_CERT_FILE: join(place, "ca.pem") } : {}, timeoutMs: 300_000 });
  }

  /** The server, node, and a repository that git fetches file by file. */
  async function furnish(vm: string): Promise<void> {
    for (const name of ["server.pem", "server.key"])
      await exec(vm, `cat >/srv/${name}`, readFileSync(join(place, name)));
    await exec(vm, "cat >/srv/server.py", server);
    if (hostNode) await exec(vm, "cat >/srv/node; chmod +x /srv/node", readFileSync(hostNode));
    const repository = `git init -q w && cd w && cp ../page page && git add page &&
      git -c user.name=a -c user.email=a@example.com commit -qm one && cd .. &&
      git clone -q --bare w repo.git && git -C repo.git update-server-info`;
    await exec(vm, `cd /srv && mkfifo up && printf trusted >page && ${repository}`);
  }

  const all = (text: string) => Object.fromEntries(names.map((name) => [name, text]));
  const flags = ["--network", "none", "--cold"];

  test("in the default image every program trusts the host's CA, and none does after the host removed it", async () => {
    await believing(true, ["vm", "run", "-d", "--name", "full", ...flags]);
    await furnish("full");
    expect(await fetched("full")).toEqual(all("trusted"));
    await home().ok(["vm", "stop", "full"]);
    await believing(false, ["vm", "start", "full"]);
    expect(await fetched("full")).toEqual(all(""));
  }, 900_000);

  test("the same in an image without a bundle of CA certificates", async () => {
    await exec("full", "rm -rf /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates");
    await home().ok(["vm", "stop", "full"]);
    await home().ok(["vm", "save", "full", "none"]);
    await home().ok(["vm", "delete", "full"]);
    await believing(true, ["vm", "run", "-d", "--name", "bare", "--image", "none", ...flags]);
    expect(await fetched("bare")).toEqual(all("trusted"));
    expect((await exec("bare", "echo $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS")).stdout).not.toContain("/etc/ssl");
    await home().ok(["vm", "stop", "bare"]);
    await believing(false, ["vm", "start", "bare"]);
    expect(await fetched("bare")).toEqual(all(""));
  }, 900_000);

  test("node is installed, so that it is tested", () => {
    expect(hostNode !== null && existsSync(hostNode)).toBe(true);
  });
});
