/** Untrusted archives, against `image register` and `image import` of the compiled programs. */
import { afterAll, beforeAll } from "bun:test";
import { Home } from "../e2e/home.ts";
import { archiveAttacks } from "./archive-attacks.ts";
import { attackTests } from "./report.ts";
import { attackSuite } from "./suite.ts";

attackSuite("hostile archives", ["programs", "tool:sqfstar", "tool:tar"], () => {
  let home: Home;
  beforeAll(() => {
    home = new Home("arch");
    home.configure('image_max_size = "32M"\n');
  });
  afterAll(async () => home?.close(), 60_000);

  attackTests(
    "hostile archive",
    archiveAttacks(() => home),
  );
});
