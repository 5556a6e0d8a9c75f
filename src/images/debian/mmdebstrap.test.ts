import { expect, test } from "bun:test";
import { publicMirrors } from "../../artifacts/debian/sources.ts";
import { mmdebstrapArgv, proxyEnv, stepOf } from "./mmdebstrap.ts";

const archive = {
  mirrors: publicMirrors("bookworm"),
  keyring: "/k.gpg",
  options: [
    { key: "Acquire::http::Proxy", value: "http://user:secret@proxy.example.com" },
    { key: "Acquire::https::Proxy", value: "secret@proxy.example.com:3128" },
    { key: "Acquire::https::CaInfo", value: "/etc/ssl/corp.pem" },
  ],
};

test("root builds directly, other users in a user namespace; sources come on stdin and the tar goes to stdout", () => {
  const asRoot = mmdebstrapArgv(archive, "bookworm", 0);
  expect(asRoot).toContain("--mode=root");
  expect(asRoot.slice(0, 2)).toEqual(["unshare", "--mount"]);
  const argv = mmdebstrapArgv(archive, "bookworm", 1000);
  expect(argv).toContain("--mode=unshare");
  expect(argv.slice(-3)).toEqual(["bookworm", "-", "-"]);
  expect(argv.some((word) => word.includes("hook"))).toBe(false);
});

test("a proxy's password is never among the arguments", () => {
  const argv = mmdebstrapArgv(archive, "bookworm", 0);
  expect(argv.join(" ")).not.toContain("secret");
  expect(argv).toContain('--aptopt=Acquire::https::CaInfo "/etc/ssl/corp.pem"');
  expect(proxyEnv(archive)).toEqual({
    http_proxy: "http://user:secret@proxy.example.com",
    https_proxy: "secret@proxy.example.com:3128",
  });
});

test("its steps are reported in our own wording", () => {
  expect(stepOf("I: running apt-get update...")).toBe("reading Debian's package lists");
  expect(stepOf("I: success in 40 seconds")).toBeUndefined();
  expect(stepOf("Get:1 http://x")).toBeUndefined();
});
