import { expect, test } from "bun:test";
import { formatPublished, parsePublished, placeOfPort, publishedProblem, twicePublished } from "./ports.ts";

test.each([
  ["8080:3000", { address: "127.0.0.1", hostPort: 8080, guestPort: 3000 }],
  ["8080:3000/tcp", { address: "127.0.0.1", hostPort: 8080, guestPort: 3000 }],
  ["0.0.0.0:80:80", { address: "0.0.0.0", hostPort: 80, guestPort: 80 }],
  ["192.0.2.1:65535:1", { address: "192.0.2.1", hostPort: 65_535, guestPort: 1 }],
])("%s is published", (text, port) => {
  expect(parsePublished(text)).toEqual(port);
  expect(parsePublished(formatPublished(port))).toEqual(port);
});

test.each([
  ["3000", "has no port of the host"],
  ["8080:3000/udp", "is not TCP, and only TCP ports can be published"],
  ["[::1]:8080:3000", "has an IPv6 address, and ports are published on IPv4 addresses"],
  ["8080-8090:3000", "is a range: publish each port by itself"],
  ["0:3000", "is not [HOSTIP:]HOSTPORT:GUESTPORT"],
  ["8080:65536", "is not [HOSTIP:]HOSTPORT:GUESTPORT"],
  ["localhost:8080:3000", "is not [HOSTIP:]HOSTPORT:GUESTPORT"],
  ["1:2:3:4", "is not [HOSTIP:]HOSTPORT:GUESTPORT"],
  ["08080:3000", "is not [HOSTIP:]HOSTPORT:GUESTPORT"],
  [":8080:3000", "is not [HOSTIP:]HOSTPORT:GUESTPORT"],
  ["", "is not [HOSTIP:]HOSTPORT:GUESTPORT"],
])("%s is not: it %s", (text, problem) => {
  expect(parsePublished(text)).toBeNull();
  expect(publishedProblem(text)).toBe(problem);
});

test.each([
  [["1:1", "2:1"], null],
  [["1:1", "1:2"], "127.0.0.1:1:2"],
  [["127.0.0.2:1:1", "127.0.0.3:1:1"], null],
  [["127.0.0.2:1:1", "0.0.0.0:1:1"], "0.0.0.0:1:1"],
])("%j has twice: %p", (texts, expected) => {
  const twice = twicePublished(texts.flatMap((text) => parsePublished(text) ?? []));
  expect(twice && formatPublished(twice)).toBe(expected);
});

test.each([
  [3000, 3000, "http://127.12.0.4:3000"],
  [80, 80, "http://127.12.0.4"],
  [80, 10_080, "http://127.12.0.4:10080"],
  [443, 443, "https://127.12.0.4"],
  [8443, 8443, "https://127.12.0.4:8443"],
  [5432, 5432, "127.12.0.4:5432"],
  [22, 10_022, "127.12.0.4:10022"],
])("port %i at %i is shown as %s", (guestPort, hostPort, place) => {
  expect(placeOfPort({ guestPort, hostPort, address: "127.12.0.4" })).toBe(place);
});

test("a wildcard is shown as an address that can be opened", () => {
  expect(placeOfPort({ guestPort: 3000, hostPort: 8080, address: "0.0.0.0" })).toBe("http://127.0.0.1:8080");
});
