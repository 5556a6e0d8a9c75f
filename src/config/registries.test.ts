import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { planRegistries, type RegistryFacts } from "./registries.ts";
import { readRegistryFacts } from "./registry-facts.ts";

const none: RegistryFacts = { env: {}, pip: [], npm: [], go: [] };

test("addresses of package managers are passed on from the environment", () => {
  const env = {
    PIP_INDEX_URL: "https://pypi.example.com/simple",
    PIP_EXTRA_INDEX_URL: "https://a.example.com/x https://b.example.com/y",
    NPM_CONFIG_REGISTRY: "https://npm.example.com/",
    GOPROXY: "https://go.example.com|https://other.example.com,direct",
    GOSUMDB: "off",
    GOPRIVATE: "git.example.com/*,*.corp",
    CARGO_REGISTRIES_CORP_INDEX: "sparse+https://crates.example.com/index/",
    CARGO_REGISTRIES_CORP_TOKEN: "secret",
    NPM_TOKEN: "secret",
  };
  const { environment, notes } = planRegistries({ ...none, env });
  const { NPM_CONFIG_REGISTRY: registry, CARGO_REGISTRIES_CORP_TOKEN: _, NPM_TOKEN: __, ...rest } = env;
  expect(environment).toEqual({ ...rest, npm_config_registry: registry });
  expect(notes).toEqual([]);
});

test("credentials in an address stay on the host, and that is reported", () => {
  const env = {
    PIP_INDEX_URL: "https://user:hunter2@pypi.example.com/simple",
    GOPROXY: "https://token@go.example.com,direct",
    UV_DEFAULT_INDEX: "corp=https://uv.example.com/simple?token=hunter2",
  };
  const plan = planRegistries({ ...none, env });
  expect(plan.environment).toEqual({
    PIP_INDEX_URL: "https://pypi.example.com/simple",
    GOPROXY: "https://go.example.com/,direct",
    UV_DEFAULT_INDEX: "corp=https://uv.example.com/simple",
  });
  expect(plan.notes).toHaveLength(3);
  expect(JSON.stringify(plan)).not.toMatch(/hunter2|user|token@/);
});

for (const value of [
  "http://127.0.0.1:3141/simple",
  "http://localhost:4873",
  "file:///srv/mirror",
  "/srv/x",
  "https://x/$(id)",
])
  test(`an address that a guest can't use is reported and left out: ${value}`, () => {
    const { environment, notes } = planRegistries({ ...none, env: { PIP_INDEX_URL: value } });
    expect(environment).toEqual({});
    expect(notes[0]).toStartWith("PIP_INDEX_URL is not passed on: ");
  });

test("settings are read from the files of pip, npm and go, and a variable overrides them", () => {
  using home = tempFolder();
  const write = (path: string, text: string) => {
    mkdirSync(`${home.path}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${home.path}/${path}`, text);
  };
  write("etc/pip.conf", "[global]\nindex-url = https://old.example.com/simple\n");
  write(
    ".config/pip/pip.conf",
    "[global]\nindex_url: https://pypi.example.com/simple\nextra-index-url =\n  https://a.example.com\n  https://b.example.com\n[list]\nindex-url = https://no.example.com\n",
  );
  write(
    ".npmrc",
    "; mine\n//npm.example.com/:_authToken=secret\nregistry=https://npm.example.com/\n@corp:registry=https://corp.example.com\n",
  );
  write(".config/go/env", "GOPROXY=https://go.example.com\nGOFLAGS=-x\n");
  const env = { HOME: home.path, npm_config_registry: "https://first.example.com/" };
  expect(planRegistries(readRegistryFacts(env, `${home.path}/etc`)).environment).toEqual({
    PIP_INDEX_URL: "https://pypi.example.com/simple",
    PIP_EXTRA_INDEX_URL: "https://a.example.com https://b.example.com",
    npm_config_registry: "https://first.example.com/",
    GOPROXY: "https://go.example.com",
  });
});
