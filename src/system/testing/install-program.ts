/** Installs or uninstalls on a scratch host and gets SIGKILL before its n-th change: `install-program.ts ROOT install|uninstall VERSION N`. */
import { install } from "../install.ts";
import { uninstall } from "../uninstall.ts";
import { worldIn } from "./scratch.ts";

const [root = "", what, version = "", last = "0"] = process.argv.slice(2);
let changes = 0;
const before = () => {
  changes += 1;
  if (changes === Number(last)) process.kill(process.pid, "SIGKILL");
};
const { world } = worldIn(root, { version, before });
if (what === "install") await install(world, { owner: undefined, dryRun: false });
else await uninstall(world, { purge: false });
console.log(changes);
