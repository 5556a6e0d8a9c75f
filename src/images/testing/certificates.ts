/** A CA of our own and a certificate for 127.0.0.1, for tests. */
import { readFileSync, writeFileSync } from "node:fs";

/** Made by openssl: `ca.pem`, `server.pem` and `server.key` in the folder. @returns the CA's PEM */
export function certificates(folder: string): string {
  const openssl = (...argv: string[]) => {
    const done = Bun.spawnSync(["openssl", ...argv], { cwd: folder, stderr: "pipe" });
    if (done.exitCode !== 0) throw new Error(`openssl ${argv[0]}: ${done.stderr}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2");
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=registry");
  writeFileSync(`${folder}/ext`, "subjectAltName=IP:127.0.0.1\n");
  openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-out",
    "server.pem",
    "-days",
    "2",
    "-extfile",
    "ext",
  );
  return readFileSync(`${folder}/ca.pem`, "utf8");
}
