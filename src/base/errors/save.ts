/** Failures of templates and snapshots that users name. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const saveErrors = {
  SNAPSHOT_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { vm?: string; name: string; nearest?: string }) =>
      p.vm ? `VM "${p.vm}" has no snapshot "${p.name}"` : `there is no snapshot "${p.name}"`,
    hint: (p) => {
      const list = p.vm
        ? `\`banger snapshot list ${p.vm}\` shows those it has`
        : "`banger snapshot list` shows all snapshots";
      return p.nearest ? `did you mean "${p.nearest}"? ${list}` : list;
    },
  }),
  SNAPSHOT_TAKEN: spec({
    exit: Exit.Conflict,
    message: (p: { vm: string; name: string }) => `VM "${p.vm}" already has a snapshot "${p.name}"`,
    hint: (p) => `choose another name, or remove it with \`banger snapshot delete ${p.vm} ${p.name}\``,
  }),
  SNAPSHOT_NAME_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { text: string }) => `"${p.text}" is not a name for a snapshot`,
    hint: () => "use 1-32 lower-case letters, digits and inner hyphens, as in `banger vm snapshot web before-upgrade`",
  }),
  TEMPLATE_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { key: string }) => `there is no template "${p.key}"`,
    hint: () => "`banger template list` shows all templates; the first digits of a key are enough",
  }),
  TEMPLATE_AMBIGUOUS: spec({
    exit: Exit.Usage,
    message: (p: { key: string; count: number }) => `${p.count} templates begin with "${p.key}"`,
    hint: () => "type more digits: `banger template list` shows every key",
  }),
  TEMPLATE_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { image: string; reason: string }) => `a template of ${p.image} could not be made: ${p.reason}`,
    hint: () => "VMs of it boot cold; `banger vm run --cold --image IMAGE` shows how far it gets",
  }),
};
