/** The reading of a VM's own CA certificates is limited, whatever the VM sends. */
import { expect, test } from "bun:test";
import { encodeHeader } from "../formats/tar/writer.ts";
import { hostOnlyCertificates } from "./host-certificates.ts";
import type { Union } from "./union/union.ts";

test("an endless folder is read up to a limit, and the certificates at its beginning count", async () => {
  const empty = { resolve: async () => null } as unknown as Union;
  let chunks = 0;
  let isClosed = false;
  const localCertificates = async function* () {
    const header = { kind: "file", mode: 0o644, uid: 0, gid: 0, size: 2 ** 32, mtime: 0, link: "" } as const;
    try {
      yield encodeHeader({ ...header, name: "./own.crt" });
      yield Buffer.from("host 1\n");
      for (const zeros = new Uint8Array(1024 * 1024); ; chunks++) yield zeros;
    } finally {
      isClosed = true;
    }
  };
  expect(await hostOnlyCertificates({ certificates: ["host 1\n", "host 2\n"], localCertificates }, empty)).toEqual([
    "host 2\n",
  ]);
  expect(isClosed).toBe(true);
  expect(chunks).toBeLessThan(100);
});
