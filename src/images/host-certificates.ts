/**
 * Which of the CA certificates that a host gave to a VM are removed from the VM's bundles when it is saved. Kept are
 * those that its image's own bundles contain, and those that the user added for `update-ca-certificates`.
 */
import { blockSize } from "../formats/tar/header.ts";
import { TarScanner, type TarSink } from "../formats/tar/scanner.ts";
import { pathOf } from "./layer/paths.ts";
import { certificateBundles, isPerVmFile, localCertificateFolder } from "./per-vm-files.ts";
import type { Union } from "./union/union.ts";

/** bytes read of each kind of file; anything beyond is ignored */
const maxText = 8 * 1024 * 1024;
/** bytes read of the VM's stream: a file in it can be of any length */
const maxStream = 8 * maxText;

export type VmCertificates = {
  /** CA certificates that the host gave to the VM, PEM */
  certificates: readonly string[];
  /** the VM's folder of locally added certificates, as a plain tar; empty if there is none */
  localCertificates(): AsyncIterable<Uint8Array>;
};

/** @param base the image that the VM was made from @throws TarError, SquashfsError */
export async function hostOnlyCertificates(
  { certificates, localCertificates }: VmCertificates,
  base: Union,
): Promise<string[]> {
  if (certificates.length === 0) return [];
  const others = [...(await bundlesOf(base)), await textOf(localCertificates())].map((text) =>
    text.replaceAll("\r", ""),
  );
  return certificates.filter((certificate) => !others.some((text) => text.includes(certificate.trim())));
}

async function bundlesOf(base: Union): Promise<string[]> {
  const found: string[] = [];
  for (const path of certificateBundles) {
    const node = (await base.resolve(path))?.node;
    if (node?.kind !== "file" || node.size > maxText) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of base.content(node)) chunks.push(chunk.slice());
    found.push(Buffer.concat(chunks).toString("latin1"));
  }
  return found;
}

/** The text of the files that `update-ca-certificates` reads and that are not the host's. */
async function textOf(tar: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let left = maxText;
  let isWanted = false;
  const sink: TarSink = {
    entry({ kind, name }) {
      const path = pathOf(name);
      isWanted = kind === "file" && path.endsWith(".crt") && !isPerVmFile(`${localCertificateFolder}/${path}`);
      if (isWanted) chunks.push(Buffer.from("\n"));
    },
    data(chunk) {
      if (!isWanted || left <= 0) return;
      chunks.push(chunk.slice(0, left));
      left -= chunk.length;
    },
    hole() {},
    padding() {},
  };
  const scanner = new TarScanner(sink, { entries: maxStream / blockSize, bytes: maxStream });
  let bytesRead = 0;
  for await (const chunk of tar) {
    bytesRead += chunk.length;
    if (bytesRead > maxStream) break;
    scanner.push(chunk);
  }
  if (bytesRead <= maxStream) scanner.finish("block");
  return Buffer.concat(chunks).toString("latin1");
}
