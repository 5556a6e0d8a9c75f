/** The images that can be built on this host, by name. Kept light: the daemon looks here for every unknown name. */

export type RecipeName = "debian-bookworm";

export const recipes: readonly { name: RecipeName; suite: string; summary: string }[] = [
  { name: "debian-bookworm", suite: "bookworm", summary: "Debian 12 with systemd, sshd, Docker, compilers and mise" },
];

/** The recipe for an image of that name, if there is one. */
export function recipeFor(name: string): RecipeName | undefined {
  return recipes.find((recipe) => recipe.name === name)?.name;
}
