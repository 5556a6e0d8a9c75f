/** Errors for things found where an image is expected, with advice on where the image may be. */
import { stripControl } from "../../base/text.ts";
import { ImageProblem } from "../problem.ts";
import { isLayerType, isSchema1 } from "./media.ts";

/** Not an image for this platform: skipped if there is an image beside it. */
export class NotAnImage extends ImageProblem {}

/** Meant as an image but unusable: skipped with a warning if there is an image beside it. */
export class Unusable extends NotAnImage {}

const archived = "oci-archive:image.tar`, then `banger image import image.tar`";

export function schemaOne(): NotAnImage {
  return new NotAnImage(
    "its manifest uses Docker's schema 1, which is obsolete",
    `build and push it again, or convert it: \`skopeo copy docker://NAME ${archived}`,
  );
}

/** @param found platforms that it is for, as `linux/arm64` */
export function otherPlatform(found: readonly string[]): NotAnImage {
  return new NotAnImage(
    `it is for ${found.slice(0, 10).map(shownType).join(", ")}, not for linux/amd64`,
    "get or build one for linux/amd64: docker's `pull` and `build` take `--platform linux/amd64`",
  );
}

/** @param types media types of its parts, none of them an image's, the most telling first */
export function foreignType(types: readonly string[]): NotAnImage {
  const [first = ""] = types;
  if (types.some(isSchema1)) return schemaOne();
  if (types.some(isEncrypted)) return encrypted();
  const kind = kinds.find(({ mark }) => types.some((type) => mark.test(type)));
  if (kind) return new NotAnImage(`it is ${kind.what}, not an image`, kind.next);
  return new NotAnImage(`it has the type ${shownType(first)}, which is not a container image`, ofAnother);
}

function encrypted(): NotAnImage {
  return new NotAnImage(
    "its layers are encrypted",
    `decrypt it first: \`skopeo copy --decryption-key KEY docker://NAME ${archived}`,
  );
}

function isEncrypted(type: string): boolean {
  const plain = type.replace(/\+encrypted$/, "");
  return plain !== type && isLayerType(plain);
}

const ofAnother = "check its name: artifacts that belong to an image are often stored beside it under another tag";
const beside = "use the image that it belongs to: its tag does not end in `.sig`, `.att` or `.sbom`";

const kinds: readonly { mark: RegExp; what: string; next: string }[] = [
  { mark: /helm/, what: "a Helm chart", next: "`helm show values` lists the images that it runs: pull one of these" },
  { mark: /simplesigning|cosign|sigstore|notary/, what: "a signature", next: beside },
  { mark: /spdx|cyclonedx|syft/, what: "a software bill of materials (SBOM)", next: beside },
  { mark: /in-toto|dsse/, what: "an attestation", next: beside },
  { mark: /wasm/, what: "a WebAssembly module", next: "run it with a WebAssembly runtime, in a VM for example" },
];

/** Quotes untrusted text for a message. */
export function shownType(text: string): string {
  return JSON.stringify(stripControl(text).slice(0, 100));
}
