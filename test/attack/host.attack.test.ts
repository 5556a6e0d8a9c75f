/** What a VMM that its guest took over leaves in the daemon's folders, and who can listen on the daemon's socket. */
import { afterEach, beforeEach } from "bun:test";
import { Home } from "../e2e/home.ts";
import { hostAttacks } from "./host-attacks.ts";
import { attackTests } from "./report.ts";
import { attackSuite } from "./suite.ts";

attackSuite("the daemon's folders and socket", ["programs", "ordinary-user"], () => {
  let home: Home;
  beforeEach(() => {
    home = new Home("host");
  });
  afterEach(async () => home?.close(), 60_000);

  attackTests(
    "folders and sockets",
    hostAttacks(() => home),
  );
});
