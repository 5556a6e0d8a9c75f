/**
 * How guests reach the internet as the host does: proxy variables and extra CA certificates. Pure: a plan from facts, which
 * `proxy-facts.ts` gathers.
 */
import { X509Certificate } from "node:crypto";
import { parseProxy, proxyNames, withScheme } from "../base/proxy.ts";
import { count } from "../base/text.ts";

export type ProxyFacts = {
  env: Record<string, string | undefined>;
  /** certificates that the host's administrator added: always passed on */
  added: readonly string[];
  /** files named by variables such as SSL_CERT_FILE: certificates that are in the standard bundle are not passed on */
  named: readonly string[];
  /** the distribution's bundle */
  standard: string;
};

export type ProxyPlan = {
  /** variables of every command and service in the guest; may contain a proxy's password, so never shown or logged */
  environment: Record<string, string>;
  /** PEM, one certificate each */
  caCertificates: string[];
  /** notices for the user */
  notes: string[];
};

/** Variables that make a tool use another bundle than the system's. In the guest, the agent sets them for the image's bundle. */
export const bundleNames = [
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
  "CURL_CA_BUNDLE",
  "REQUESTS_CA_BUNDLE",
  "GIT_SSL_CAINFO",
] as const;
const ownNames = ["localhost", "127.0.0.1", "::1"];
const maxCertificates = 64;
/** the whole identity must fit into one message of 32 KiB to the agent */
const maxCertificateBytes = 20 * 1024;

export function planProxy(facts: ProxyFacts): ProxyPlan {
  const notes: string[] = [];
  const environment = planVariables(facts.env, notes);
  const caCertificates = planCertificates(facts, notes);
  return { environment, caCertificates, notes };
}

function planVariables(env: Record<string, string | undefined>, notes: string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of proxyNames) {
    const value = bothCases(env, name);
    if (value === undefined) continue;
    const problem = problemOf(value);
    if (problem !== null) notes.push(`${name} is not passed on: ${problem}`);
    else setBoth(environment, name, withScheme(value));
  }
  if (Object.keys(environment).length === 0) return environment;
  const direct = bothCases(env, "no_proxy") ?? "";
  const items = direct.split(/[\s,]+/).filter((item) => /^[A-Za-z0-9.*:_[\]/-]{1,255}$/.test(item));
  setBoth(environment, "no_proxy", [...new Set([...items, ...ownNames])].slice(0, 500).join(","));
  return environment;
}

/** Lower case wins, as in curl. */
function bothCases(env: Record<string, string | undefined>, name: string): string | undefined {
  return env[name]?.trim() || env[name.toUpperCase()]?.trim() || undefined;
}

function setBoth(environment: Record<string, string>, name: string, value: string): void {
  environment[name] = value;
  environment[name.toUpperCase()] = value;
}

function problemOf(value: string): string | null {
  const url = value.length > 1024 || /[^\x21-\x7e]|["'\\`$]/.test(value) ? null : parseProxy(value);
  if (url === null) return "it is not a proxy address";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return isLoopback(host) ? "it is a proxy on the host's own loopback, which guests can't reach" : null;
}

/** @param host without brackets */
export function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127\./.test(host) || host === "0.0.0.0"
  );
}

function planCertificates(facts: ProxyFacts, notes: string[]): string[] {
  const standard = new Set(certificatesIn(facts.standard).map(({ fingerprint256 }) => fingerprint256));
  const added = facts.added.flatMap(certificatesIn);
  const named = facts.named.flatMap(certificatesIn).filter(({ fingerprint256 }) => !standard.has(fingerprint256));
  const unique = new Map([...added, ...named].map((each) => [each.fingerprint256, each]));
  const chosen: string[] = [];
  let bytes = 0;
  for (const certificate of unique.values()) {
    const pem = pemOf(certificate);
    if (chosen.length >= maxCertificates || bytes + pem.length > maxCertificateBytes) continue;
    chosen.push(pem);
    bytes += pem.length;
  }
  const left = unique.size - chosen.length;
  if (left > 0) notes.push(`${count(left, "extra CA certificate")} more than guests are given`);
  return chosen;
}

/** Every certificate in a PEM text; invalid ones are skipped. */
function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,32768}-----END CERTIFICATE-----/g) ?? [];
  return blocks.slice(0, 2000).flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

function pemOf(certificate: X509Certificate): string {
  const lines = certificate.raw.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
