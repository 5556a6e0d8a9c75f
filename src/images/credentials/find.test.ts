/** Where credentials come from, in which order, and that errors do not reveal them. */
import { expect, test } from "bun:test";
import { BangerError } from "../../base/errors/error.ts";
import type { ExecResult } from "../../host/process/exec.ts";
import { findCredential } from "./find.ts";

type Helper = { exitCode?: number; stdout?: string };

function world(files: Record<string, unknown>, helpers: Record<string, Helper> = {}, env: Record<string, string> = {}) {
  const asked: string[] = [];
  const exec = async (argv: readonly string[], options?: { input?: Uint8Array }): Promise<ExecResult> => {
    const registry = new TextDecoder().decode(options?.input).trim();
    asked.push(`${argv.join(" ")} < ${registry}`);
    const helper = helpers[argv[0] ?? ""];
    if (!helper) throw new Error("no such program");
    const stdout = new TextEncoder().encode(helper.stdout ?? "");
    return { argv, exitCode: helper.exitCode ?? 0, signal: null, stdout, stderr: new Uint8Array() } as ExecResult;
  };
  const readTextIfAny = async (path: string) => {
    const found = files[path];
    if (found === undefined) return null;
    return typeof found === "string" ? found : JSON.stringify(found);
  };
  const deps = { exec: exec as never, readTextIfAny, env, home: "/home/me" };
  return { find: (registry: string) => findCredential(deps, registry), asked };
}

const docker = "/home/me/.docker/config.json";
const auth = (text: string) => Buffer.from(text).toString("base64");

test("a user and a password that docker stored, under any spelling of the registry", async () => {
  const { find } = world({
    [docker]: {
      auths: { "r.example:5000": { auth: auth("me:pass:word") }, "https://other.example/v2/": { auth: auth("you:p") } },
    },
  });
  expect(await find("r.example:5000")).toEqual({ username: "me", password: "pass:word" });
  expect(await find("other.example")).toEqual({ username: "you", password: "p" });
  expect(await find("r.example")).toBeNull();
});

test("Docker Hub is found under its old address; an identity token is used as one", async () => {
  const { find } = world({
    [docker]: { auths: { "https://index.docker.io/v1/": { auth: auth("me:x"), identitytoken: "I" } } },
  });
  expect(await find("docker.io")).toEqual({ identityToken: "I" });
});

test("a registry's own helper comes first, then the common store, then the file", async () => {
  const helpers = {
    "docker-credential-own": { stdout: '{"ServerURL":"r","Username":"<token>","Secret":"T"}' },
    "docker-credential-all": { exitCode: 1, stdout: "credentials not found in native keychain\n" },
  };
  const { find, asked } = world(
    {
      [docker]: {
        credHelpers: { r: "own" },
        credsStore: "all",
        auths: { r: { auth: auth("a:b") }, s: { auth: auth("c:d") } },
      },
    },
    helpers,
  );
  expect(await find("r")).toEqual({ identityToken: "T" });
  expect(await find("s")).toEqual({ username: "c", password: "d" });
  expect(asked).toEqual(["docker-credential-own get < r", "docker-credential-all get < s"]);
});

test("DOCKER_CONFIG, then podman's file", async () => {
  const files = { "/d/config.json": {}, "/run/user/1/containers/auth.json": { auths: { r: { auth: auth("p:q") } } } };
  const { find } = world(files, {}, { DOCKER_CONFIG: "/d", XDG_RUNTIME_DIR: "/run/user/1" });
  expect(await find("r")).toEqual({ username: "p", password: "q" });
});

const broken: [name: string, file: unknown, helpers: Record<string, Helper>][] = [
  ["a file that is not JSON", "{ secret", {}],
  ["an auth that is not an object", { auths: { r: "secret" } }, {}],
  ["an auth without a colon", { auths: { r: { auth: auth("secret") } } }, {}],
  ["a helper whose name is a path", { credHelpers: { r: "../../bin/secret" } }, {}],
  ["a helper that is not there", { credHelpers: { r: "secret-less" } }, {}],
  ["a helper that fails", { credHelpers: { r: "h" } }, { "docker-credential-h": { exitCode: 3, stdout: "secret" } }],
  ["a helper that babbles", { credHelpers: { r: "h" } }, { "docker-credential-h": { stdout: "secret" } }],
];
for (const [name, file, helpers] of broken) {
  test(`${name} is reported, without its content`, async () => {
    const error = await world({ [docker]: file }, helpers)
      .find("r")
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BangerError);
    const { code, message, hint } = (error as BangerError).toWire();
    expect(code).toBe("CREDENTIALS_INVALID");
    const isName = name.startsWith("a helper whose") || name.startsWith("a helper that is not");
    if (!isName) expect(`${message} ${hint}`).not.toContain("secret");
  });
}
