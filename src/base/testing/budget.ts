/** How much a property test tries: little in the fast loop, much under `make fuzz` (`BANGER_FUZZ`). */

export function runs(few: number): number {
  return process.env["BANGER_FUZZ"] ? few * 200 : few;
}

/** timeout of a test that uses `runs`, in `ms` */
export const patience = process.env["BANGER_FUZZ"] ? 600_000 : 10_000;
