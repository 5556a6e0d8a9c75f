/** `bangerd root-helper` from the sources, for its tests. */
import { rootHelperMain } from "../root-helper.ts";

process.exit(await rootHelperMain(process.argv.slice(2), process.env));
