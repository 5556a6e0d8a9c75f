/** What every guest of this host is given: the user's key, and, unless the config says no, proxy and certificates. */
import { listFolder, readTextIfAny } from "../host/files.ts";
import type { GuestInheritance } from "../machines/deps.ts";
import type { Paths } from "../model/paths.ts";
import { ensureUserKey } from "../ssh/keys.ts";

const proxyNames = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"];
/** where an administrator puts certificates that every program should trust */
const certificateFolder = "/usr/local/share/ca-certificates";
/** the identity travels in one frame of 32 KiB, and the keys need their part */
const maxCertificateBytes = 20_000;

export type InheritanceFacts = { paths: Paths; env: Record<string, string>; inheritProxy: boolean };

export async function guestInheritance({ paths, env, inheritProxy }: InheritanceFacts): Promise<GuestInheritance> {
  const { publicLine } = await ensureUserKey({}, paths);
  const authorizedKeys = [publicLine];
  if (!inheritProxy) return { authorizedKeys, environment: {}, caCertificates: [] };
  return { authorizedKeys, environment: proxyVariables(env), caCertificates: await extraCertificates() };
}

/** Both spellings, as programs differ in which one they read. */
export function proxyVariables(env: Record<string, string>): Record<string, string> {
  const pairs = proxyNames.flatMap((name) => {
    const value = env[name] ?? env[name.toUpperCase()];
    return value ? [[name, value] as const, [name.toUpperCase(), value] as const] : [];
  });
  return Object.fromEntries(pairs);
}

async function extraCertificates(): Promise<string[]> {
  const names = await listFolder(certificateFolder).catch(() => []);
  const texts = await Promise.all(
    names
      .filter((name) => name.endsWith(".crt"))
      .toSorted()
      .map((name) => readTextIfAny(`${certificateFolder}/${name}`, maxCertificateBytes).catch(() => null)),
  );
  const certificates = texts.filter((text): text is string => text !== null && text.includes("-----BEGIN CERTIFICATE-----"));
  return within(certificates, maxCertificateBytes);
}

/** As many as fit, in order. */
export function within(texts: readonly string[], maxBytes: number): string[] {
  let left = maxBytes;
  return texts.filter((text) => {
    if (text.length > left) return false;
    left -= text.length;
    return true;
  });
}
