/** What stands where an image is expected and is something else, and where the image is then. */
import { stripControl } from "../../base/text.ts";
import { ImageProblem } from "../problem.ts";
import { isLayerType, isSchema1 } from "./media.ts";

/** Something other than an image for this machine: beside such an image it is passed over. */
export class NotAnImage extends ImageProblem {}

/** What may be meant as an image and can't be used as one: beside an image it is passed over with a warning. */
export class Unusable extends NotAnImage {}

const archived = "oci-archive:image.tar`, then `banger image import image.tar`";

export function schemaOne(): NotAnImage {
  return new NotAnImage(
    "its manifest is of Docker's first schema, which is out of use",
    `build and push it again, or convert it: \`skopeo copy docker://NAME ${archived}`,
  );
}

/** @param found systems and architectures that it is for, as `linux/arm64` */
export function otherPlatform(found: readonly string[]): NotAnImage {
  return new NotAnImage(
    `it is made for ${found.slice(0, 10).map(shownType).join(", ")}, not for linux/amd64`,
    "get or build one for linux/amd64: docker's `pull` and `build` take `--platform linux/amd64`",
  );
}

/** @param types media types of its parts, none of them an image's, those that say most first */
export function foreignType(types: readonly string[]): NotAnImage {
  const [first = ""] = types;
  if (types.some(isSchema1)) return schemaOne();
  if (types.some(isEncrypted)) return encrypted();
  const kind = kinds.find(({ mark }) => types.some((type) => mark.test(type)));
  if (kind) return new NotAnImage(`it is ${kind.what}, not an image`, kind.next);
  return new NotAnImage(`it is of the type ${shownType(first)}, not an image of a file system`, ofAnother);
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

const ofAnother = "look at its name: what belongs to an image is often kept beside it, under another tag";
const beside = "name the image that it belongs to: its tag is without `.sig`, `.att` or `.sbom`";

const kinds: readonly { mark: RegExp; what: string; next: string }[] = [
  { mark: /helm/, what: "a Helm chart", next: "`helm show values` names the images that it runs: pull one of these" },
  { mark: /simplesigning|cosign|sigstore|notary/, what: "a signature", next: beside },
  { mark: /spdx|cyclonedx|syft/, what: "a list of an image's parts (SBOM)", next: beside },
  { mark: /in-toto|dsse/, what: "an attestation", next: beside },
  { mark: /wasm/, what: "a WebAssembly module", next: "run it by a runtime of WebAssembly, in a VM for example" },
];

/** A stranger's words, for a message. */
export function shownType(text: string): string {
  return JSON.stringify(stripControl(text).slice(0, 100));
}
