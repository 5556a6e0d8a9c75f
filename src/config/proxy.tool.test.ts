/** Real certificates, made with openssl. */
import { afterAll, expect } from "bun:test";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { type ProxyFacts, planProxy } from "./proxy.ts";
import { readProxyFacts } from "./proxy-facts.ts";

const base = tempFolder("cert");
afterAll(() => base[Symbol.dispose]());

const none: ProxyFacts = { env: {}, added: [], named: [], standard: "" };

function certificate(name: string, folder: string): string {
  const argv = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
    "/dev/null",
    "-days",
    "1",
    "-subj",
    `/CN=${name}`,
    "-out",
    `${folder}/${name}.crt`,
  ];
  execFileSync("openssl", argv, { stdio: "ignore" });
  return fs.readFileSync(`${folder}/${name}.crt`, "latin1");
}

gatedTest(
  "tool:openssl",
  "added certificates always, named ones only when the standard bundle lacks them, each once",
  () => {
    const folder = fs.mkdtempSync(`${base.path}/`);
    const [a = "", b = "", c = ""] = ["a", "b", "c"].map((name) => certificate(name, folder));
    const plan = planProxy({
      env: { SSL_CERT_FILE: "/x", http_proxy: "p:1" },
      added: [`junk\n${a}`],
      named: [`${a}${b}${c}${c}`],
      standard: a + b,
    });
    expect(plan.caCertificates).toEqual([a, c]);
    expect(plan.environment["SSL_CERT_FILE"]).toBe(undefined as never);
    const broken = a.replace(/[A-Z]{3}/g, "AAA");
    expect(
      planProxy({ ...none, added: [broken, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"] }).caCertificates,
    ).toEqual([]);
    fs.mkdirSync(`${folder}/added`);
    fs.renameSync(`${folder}/a.crt`, `${folder}/added/a.crt`);
    fs.symlinkSync("nowhere", `${folder}/added/dangling.crt`);
    const places = {
      bundles: [`${folder}/none`, `${folder}/b.crt`],
      addedFolders: [`${folder}/added`, `${folder}/missing`],
    };
    const facts = readProxyFacts(
      { SSL_CERT_FILE: `${folder}/c.crt`, CURL_CA_BUNDLE: `${folder}/c.crt`, GIT_SSL_CAINFO: "relative" },
      places,
    );
    expect({ ...facts, added: facts.added.filter(Boolean) }).toMatchObject({ added: [a], named: [c], standard: b });
  },
);

gatedTest(
  "tool:openssl",
  "certificates that do not fit into one message to the agent are left out and reported",
  () => {
    const folder = fs.mkdtempSync(`${base.path}/`);
    const many = Array.from({ length: 40 }, (_, i) => certificate(`n${i}`, folder));
    const plan = planProxy({ ...none, added: many });
    expect(plan.caCertificates.join("").length).toBeLessThanOrEqual(20 * 1024);
    expect(plan.notes).toEqual([`${40 - plan.caCertificates.length} extra CA certificates more than guests are given`]);
  },
);
