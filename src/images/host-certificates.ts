/**
 * Which of the authorities that a host handed on to a VM go out of its bundles when it is saved: not those that its image's
 * bundles have, nor those that its user put beside them, for `update-ca-certificates`.
 */
import { blockSize } from "../formats/tar/header.ts";
import { TarScanner, type TarSink } from "../formats/tar/scanner.ts";
import { pathOf } from "./layer/paths.ts";
import { certificateBundles, isPerVmFile, localCertificateFolder } from "./per-vm-files.ts";
import type { Union } from "./union/union.ts";

/** bytes of what is looked through, of each kind: what is beyond says nothing */
const maxText = 8 * 1024 * 1024;
/** bytes of the VM's stream: a file in it may be as long as it likes */
const maxStream = 8 * maxText;

export type VmCertificates = {
  /** authorities that the host handed on to the VM, PEM */
  certificates: readonly string[];
  /** the VM's folder of its own ones, as a plain tar; empty: there is none */
  localCertificates(): AsyncIterable<Uint8Array>;
};

/** @param base what the VM was made from @throws TarError, SquashfsError */
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

/** Of the files that `update-ca-certificates` takes and that are not the host's. */
async function textOf(tar: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let left = maxText;
  let isTaken = false;
  const sink: TarSink = {
    entry({ kind, name }) {
      const path = pathOf(name);
      isTaken = kind === "file" && path.endsWith(".crt") && !isPerVmFile(`${localCertificateFolder}/${path}`);
      if (isTaken) chunks.push(Buffer.from("\n"));
    },
    data(chunk) {
      if (!isTaken || left <= 0) return;
      chunks.push(chunk.slice(0, left));
      left -= chunk.length;
    },
    hole() {},
    padding() {},
  };
  const scanner = new TarScanner(sink, { entries: maxStream / blockSize, bytes: maxStream });
  let passed = 0;
  for await (const chunk of tar) {
    passed += chunk.length;
    if (passed > maxStream) break;
    scanner.push(chunk);
  }
  if (passed <= maxStream) scanner.finish("block");
  return Buffer.concat(chunks).toString("latin1");
}
