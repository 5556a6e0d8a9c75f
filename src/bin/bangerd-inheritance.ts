/** What every guest of this host is given: the user's key, and, unless the config says no, proxy and certificates. */
import { listFolder, readTextIfAny } from "../host/files.ts";
import type { GuestInheritance } from "../machines/deps.ts";
import type { Paths } from "../model/paths.ts";
import { ensureUserKey } from "../ssh/keys.ts";

/** where an administrator puts certificates that every program should trust */
const certificateFolder = "/usr/local/share/ca-certificates";
/** the identity travels in one frame of 32 KiB, and the keys need their part */
const maxCertificateBytes = 20_000;

export type InheritanceFacts = { paths: Paths; env: Record<string, string>; inheritProxy: boolean };

export async function guestInheritance({ paths, env, inheritProxy }: InheritanceFacts): Promise<GuestInheritance> {
  const { publicLine } = await ensureUserKey({}, paths);
  const authorizedKeys = [publicLine];
  if (!inheritProxy) return { authorizedKeys, environment: {}, caCertificates: [], notes: [] };
  const proxy = proxyVariables(env);
  const certificates = within(await extraCertificates(), maxCertificateBytes);
  return {
    authorizedKeys,
    ...proxy,
    caCertificates: certificates.fitting,
    notes: [...proxy.notes, ...certificates.notes],
  };
}

const proxyNames = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

/** Both spellings of each, as programs differ in which one they read. A proxy on the host's loopback is out of a guest's reach. */
export function proxyVariables(env: Record<string, string>): Pick<GuestInheritance, "environment" | "notes"> {
  const environment: Record<string, string> = {};
  const notes: string[] = [];
  for (const name of proxyNames) {
    const value = env[name] ?? env[name.toUpperCase()];
    if (!value) continue;
    if (name !== "no_proxy" && isLoopback(value)) {
      notes.push(`${name} names a proxy on this host's loopback, which guests can't reach: it is not handed on`);
    } else {
      environment[name] = environment[name.toUpperCase()] = value;
    }
  }
  return { environment, notes };
}

function isLoopback(proxy: string): boolean {
  return /^(?:[a-z0-9+.-]+:\/\/)?(?:[^/@]*@)?(?:localhost|127\.[\d.]+|\[::1\])(?:[:/]|$)/i.test(proxy);
}

async function extraCertificates(): Promise<string[]> {
  const names = await listFolder(certificateFolder).catch(() => []);
  const files = names.filter((name) => name.endsWith(".crt")).toSorted();
  const texts = await Promise.all(
    files.map((name) => readTextIfAny(`${certificateFolder}/${name}`, 256 * 1024).catch(() => null)),
  );
  return texts.filter((text) => text !== null).filter((text) => text.includes("-----BEGIN CERTIFICATE-----"));
}

/** As many as fit, in order. */
export function within(texts: readonly string[], maxBytes: number): { fitting: string[]; notes: string[] } {
  let left = maxBytes;
  const fitting = texts.filter((text) => {
    if (text.length > left) return false;
    left -= text.length;
    return true;
  });
  const dropped = texts.length - fitting.length;
  const note = `${dropped} of the certificates in ${certificateFolder} are too large together to be handed on to guests`;
  return { fitting, notes: dropped > 0 ? [note] : [] };
}
