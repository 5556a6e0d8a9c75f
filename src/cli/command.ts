/** Declares commands and groups of commands for the parser, with help pages of our own. */
import {
  type BaseArgs,
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandFunctionLoader,
  type RouteMap,
  type TypedCommandParameters,
} from "@stricli/core";
import type { CliContext } from "./context.ts";
import { type CommandHelp, commandPage, type GroupHelp, groupPage, type HelpArguments, pageText } from "./help.ts";

type Declaration<FLAGS extends Readonly<Record<string, unknown>>, ARGS extends BaseArgs> = {
  /** loads the code, once the command is called */
  loader: CommandFunctionLoader<FLAGS, ARGS, CliContext>;
  parameters: TypedCommandParameters<FLAGS, ARGS, CliContext>;
  docs: CommandHelp;
};

export function command<
  const FLAGS extends Readonly<Partial<Record<keyof FLAGS, unknown>>>,
  const ARGS extends BaseArgs = [],
>({ docs, ...declared }: Declaration<FLAGS, ARGS>): Command<CliContext> {
  const built = buildCommand<FLAGS, ARGS, CliContext>({ ...declared, docs: { brief: docs.brief } });
  const page = (args: HelpArguments) => commandPage(built.parameters, docs, args);
  return Object.assign({ ...built, formatHelp: (args: HelpArguments) => pageText(page(args)) }, { help: docs, page });
}

type Routes<NAME extends string> = Readonly<Record<NAME, Command<CliContext> | RouteMap<CliContext>>>;

export function group<NAME extends string>(
  docs: GroupHelp,
  routes: Routes<NAME>,
  aliases?: Readonly<Record<string, NoInfer<NAME>>>,
): RouteMap<CliContext> {
  const built = buildRouteMap<NAME, CliContext>({
    routes,
    docs: { brief: docs.brief, hideRoute: (docs.hidden ?? {}) as Partial<Record<NAME, boolean>> },
    ...(aliases ? { aliases } : {}),
  });
  const shown = built.getAllEntries().filter(({ hidden }) => !hidden);
  const rows = shown.map(({ name, target }) => [name.original, target.brief] as const);
  const page = (args: HelpArguments) => groupPage(rows, docs, args);
  return Object.assign({ ...built, formatHelp: (args: HelpArguments) => pageText(page(args)) }, { help: docs, page });
}
