/** The lies of `hostile-registry.ts`, by the name of the repository that tells them. */
import type { Lie } from "./hostile-registry.ts";
import { metadataHost, otherHost, privateHost } from "./namespace.ts";

/** Where a registry on the internet may send nobody. `http` at the other public host: its password would go in clear. */
export const forbidden: Record<string, string> = {
  loopback: "http://127.0.0.1:8080/admin/delete?everything=1",
  "loopback-number": "http://2130706433:8080/admin",
  "loopback-name": "http://localhost:8080/admin",
  "loopback-six": "http://[::1]:8080/admin",
  "loopback-mapped": "http://[::ffff:127.0.0.1]:8080/admin",
  "loopback-tls": "https://127.0.0.1:8443/admin",
  metadata: `http://${metadataHost}:8080/latest/meta-data/iam/security-credentials/`,
  private: `http://${privateHost}:8080/router/reboot`,
  "private-tls": `https://${privateHost}:8443/router/reboot`,
  plain: `http://${otherHost}:8080/token`,
  file: "file:///etc/passwd",
};

/** one that no disk holds */
const enormous = 10 ** 15;
/** by one byte, at the end */
const changed = (bytes: Uint8Array) => Buffer.concat([bytes.subarray(0, -1), Buffer.from("!")]);

export const lies: Record<string, Lie> = {
  honest: {},
  ...mapped("realm", (to) => ({ challenge: `Bearer realm="${to}",service="x"` })),
  ...mapped("blob", (to) => ({ redirect: { of: "blobs", to } })),
  ...mapped("manifest", (to) => ({ redirect: { of: "manifests", to } })),
  ...mapped("foreign", (to) => ({
    manifest: (honest) =>
      JSON.stringify({ ...honest, layers: honest.layers.map((layer) => ({ ...layer, urls: [to] })) }),
    layer: (response) => void response.writeHead(404).end(),
  })),
  moved: {
    challenge: 'Basic realm="x"',
    redirect: { of: "manifests", to: `https://${otherHost}:8443/v2/honest/x/manifests/latest` },
  },
  enormous: {
    manifest: (honest) =>
      JSON.stringify({ ...honest, layers: honest.layers.map((layer) => ({ ...layer, size: enormous })) }),
    layer: endless,
  },
  longer: { layer: endless },
  other: { layer: (response, honest) => void response.end(changed(honest)) },
  nothing: { manifest: () => "null" },
  "large-manifest": { manifest: () => `{"a":"${"x".repeat(8 * 1024 * 1024)}"}` },
  controls: { manifest: () => '{"mediaType":"\\u001b]0;T\\u0007\\u009b31m\\u202etype","layers":[]}' },
  "controls-type": { manifestType: "text/html\x9b31m", manifest: () => "hi" },
  "many-layers": {
    manifest: (honest) => JSON.stringify({ ...honest, layers: Array(20_000).fill(honest.layers[0]) }),
  },
  "negative-size": {
    manifest: (honest) => JSON.stringify({ ...honest, layers: honest.layers.map((layer) => ({ ...layer, size: -1 })) }),
  },
  drip: { layer: drip },
};

function mapped(label: string, lie: (to: string) => Lie): Record<string, Lie> {
  return Object.fromEntries(Object.entries(forbidden).map(([name, to]) => [`${label}-${name}`, lie(to)]));
}

/** As much as is taken, up to 1 GiB. */
function endless(response: import("node:http").ServerResponse): void {
  const chunk = Buffer.alloc(1024 * 1024, 7);
  let left = 1024;
  const more = () => {
    while (left-- > 0 && !response.destroyed) if (!response.write(chunk)) return void response.once("drain", more);
    response.destroy();
  };
  response.writeHead(200);
  more();
}

/** A byte each tenth of a second. */
function drip(response: import("node:http").ServerResponse, honest: Uint8Array): void {
  let at = 0;
  response.writeHead(200, { "content-length": String(honest.length) });
  const timer = setInterval(() => response.write(honest.subarray(at, ++at)), 100);
  response.on("close", () => clearInterval(timer));
}
