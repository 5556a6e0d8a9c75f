import { expect, test } from "bun:test";
import { aptConf, lastingOptions, neededOptions } from "./options.ts";

const dump = `APT "";
APT::Architecture "amd64";
Acquire::http::Proxy "http://cache.example.com:3142";
Acquire::http::Proxy::deb.debian.org "DIRECT";
Acquire::https::Proxy "http://user:secret@proxy.example.com:8080";
Acquire::https::CaInfo "/etc/ssl/corp.pem";
Acquire::http::Pipeline-Depth "0";
Acquire::http::ProxyAutoDetect "/usr/bin/x";
DPkg::Post-Invoke:: "rm -rf /";
`;

test("proxies and certificates are taken, nothing else", () => {
  expect(neededOptions(dump).map(({ key }) => key)).toEqual([
    "Acquire::http::Proxy",
    "Acquire::http::Proxy::deb.debian.org",
    "Acquire::https::Proxy",
    "Acquire::https::CaInfo",
  ]);
});

test("an image keeps neither credentials nor the host's files", () => {
  expect(aptConf(lastingOptions(neededOptions(dump)))).toBe(
    'Acquire::http::Proxy "http://cache.example.com:3142";\nAcquire::http::Proxy::deb.debian.org "DIRECT";\n',
  );
});
