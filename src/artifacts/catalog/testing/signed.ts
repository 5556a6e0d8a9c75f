/** Keys and signed catalogs, for tests. */
import { generateKeyPairSync, sign } from "node:crypto";

export type Signer = { publicPem: string; sign(content: string | Uint8Array): string };

export function newSigner(curve = "prime256v1"): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
  return {
    publicPem: publicKey.export({ type: "spki", format: "pem" }) as string,
    sign: (content) => sign("sha256", Buffer.from(content), privateKey).toString("base64"),
  };
}

/** The same content signed once by cosign 2.2.4: `cosign sign-blob --key cosign.key --tlog-upload=false --output-signature …`. */
export const goldenOfCosign = {
  signature: "MEUCIQD1gHhyWs9bvhhM1X6SYWGJeqD5rk56viujQRUyrUrLIgIgGELgITYhSlgh5CYIuvDjjVcFuNlQpIofuQAJB+Be8ZE=",
  publicPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXPJvCFTF/Z7N3DnvJfuaaU2IQrk5
pVVBSQ+vRBMar4FTf4lSthivr9MmaBw3VyUke9TPRl+y9IGvBexCnysbEA==
-----END PUBLIC KEY-----
`,
};

/** Made once by openssl 3.0: `openssl dgst -sha256 -sign key.pem catalog.toml | base64 -w0`. */
export const golden = {
  content: `format = 1

[[image]]
name = "tool"
description = "a tool"
url = "tool"
sha256 = "0000000000000000000000000000000000000000000000000000000000000001"
size = 7
`,
  signature: "MEUCIFExi64iZos5s9elM0dwjUByqqSGuIlzih0GgWVkXaViAiEAvoVNsQIYMyUsh/d0mIlKN9ybaV9jWiKeAf+iiQZ7d7A=",
  publicPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE02Q3+wY9Nkjo/PzkEM0K0moodgy/
3bdIRORFznh4O/nIrzz4yhE7qie8PpeP+ffnFHa2wELx0laHr+4Vz2scTw==
-----END PUBLIC KEY-----
`,
};
