/** Failures about images and kernels. */
import { Exit } from "../exit.ts";
import { count } from "../text.ts";
import { spec } from "./spec.ts";

/** True for a repository's name without a registry's host in front. */
function isDockerHubName(name: string): boolean {
  return !name.startsWith("sha256:") && /^[a-z0-9][a-z0-9_-]*(?:\/[a-z0-9][a-z0-9._-]*)*(?:[:@][\w.:@-]+)?$/.test(name);
}

/** A suggestion for a name that was written as a URL or in capitals; else empty. */
function correction(text: string): string {
  const meant = text.replace(/^[a-z][a-z0-9+.-]*:\/+/, "").toLowerCase();
  return meant !== text && /^[a-z0-9][a-z0-9._/:-]*$/.test(meant) ? `did you mean ${meant}? ` : "";
}

export const imageErrors = {
  IMAGE_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { name: string; recipe?: string; pull?: string; nearest?: string }) => `no image is named "${p.name}"`,
    hint: (p) => {
      if (p.recipe) return `build it with \`banger image build ${p.recipe}\``;
      if (p.pull) return `get it with \`banger image pull ${p.pull}\``;
      const hub = isDockerHubName(p.name)
        ? `; to get it from Docker Hub: \`banger image pull docker.io/${p.name}\``
        : "";
      const meant = p.nearest ? `did you mean "${p.nearest}"? ` : "";
      return `${meant}\`banger image ls\` shows every image, \`banger image catalog\` what can be pulled${hub}`;
    },
  }),
  IMAGE_AMBIGUOUS: spec({
    exit: Exit.Usage,
    message: (p: { text: string; names: readonly string[] }) => `"${p.text}" could be any of ${p.names.join(", ")}`,
    hint: () => "give more digits; `banger image ls` shows the digests",
  }),
  IMAGE_NAME_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { text: string }) => `"${p.text}" is not an image name`,
    hint: (p) =>
      `${correction(String(p.text))}use a name such as debian-bookworm, name:tag, or sha256:… as \`banger image ls\` shows it`,
  }),
  IMAGE_IN_USE: spec({
    exit: Exit.Conflict,
    message: (p: { name: string; users: readonly string[] }) => `image "${p.name}" is used by ${p.users.join(", ")}`,
    hint: (p) => `delete them first: \`banger vm delete ${p.users.join(" ")}\``,
  }),
  IMAGE_FILE_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { file: string; problems: readonly string[] }) =>
      `${p.file} has ${count(p.problems.length, "problem")}:\n  ${p.problems.join("\n  ")}`,
    hint: (p: { file: string; problems: readonly string[]; next?: string }) =>
      p.next ?? "docs/image-build.md lists every key",
  }),
  IMAGE_BUILD_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { name: string; reason: string }) => `building image "${p.name}" failed: ${p.reason}`,
    hint: (p: {
      name: string;
      reason: string;
      next?: string;
      step?: number;
      command?: string;
      status?: string;
      lines?: readonly string[];
    }) => p.next ?? "nothing was kept; run the same command again once the cause is gone",
  }),
  RECIPE_UNAVAILABLE: spec({
    exit: Exit.Unavailable,
    message: (p: { reason: string; next: string }) => `this host can't run the recipe: ${p.reason}`,
    hint: (p) => p.next,
  }),
  DOWNLOAD_DAMAGED: spec({
    exit: Exit.Failure,
    message: (p: { what: string; problem: string }) => `the download of ${p.what} is damaged: ${p.problem}`,
    hint: () => "a proxy or mirror may have changed it; none of it was used",
  }),
  IMAGE_INVALID: spec({
    exit: Exit.Failure,
    message: (p: { name: string; problem: string }) => `image "${p.name}" was refused: ${p.problem}`,
    hint: (p: { name: string; problem: string; next?: string }) =>
      p.next ?? "nothing was kept: get it again, or make it again",
  }),
  IMAGE_NOT_PORTABLE: spec({
    exit: Exit.Failure,
    message: (p: { name: string; path: string }) =>
      `image "${p.name}" can't be exported: in an OCI layer, the name of ${p.path} marks a deletion`,
    hint: (p) => `\`banger image bundle ${p.name} FOLDER\` includes it; or rename the file in a VM and save that`,
  }),
  IMAGE_READ_TWICE: spec({
    exit: Exit.Failure,
    message: (p: { name: string }) =>
      `image "${p.name}" can't be made from a stream that is read once: a name occurs twice in it, or leads through a link`,
    hint: () =>
      "send it again with `twice=1`, so that the daemon keeps a copy; `banger image register` does so on its own",
  }),
  IMAGE_CHOICE: spec({
    exit: Exit.Usage,
    message: (p: { problem: string; images: readonly string[]; name?: string }) =>
      `the archive ${p.problem}: it has ${p.images.join(", ")}`,
    hint: (p) =>
      `choose one: \`banger image import FILE --image ${p.images[0] ?? "NAME"}${p.name ? ` --name ${p.name}` : ""}\``,
  }),
  IMAGE_UNNAMED: spec({
    exit: Exit.Usage,
    message: (p: { problem: string }) => `the archive can't be imported: ${p.problem}`,
    hint: () => "name it: `banger image import FILE --name NAME`",
  }),
  IMAGE_TOO_LARGE: spec({
    exit: Exit.Failure,
    message: (p: { name: string; limit: string; download?: string }) =>
      p.download === undefined
        ? `image "${p.name}" is larger than ${p.limit} when unpacked`
        : `image "${p.name}" has ${p.download} to download, more than the limit of ${p.limit}`,
    hint: () => 'if you trust it, raise the limit in config.toml, as in `image_max_size = "200G"`',
  }),
  DISK_UNREADABLE: spec({
    exit: Exit.Failure,
    message: (p: { name: string; reason: string }) => `the disk of ${p.name} can't be read: ${p.reason}`,
    hint: (p: { name: string; reason: string; next?: string }) =>
      p.next ?? `\`banger vm start ${p.name}\` may still reach its files`,
  }),
  IMAGE_DAMAGED: spec({
    exit: Exit.Failure,
    message: (p: { name: string; file: string; problem: string }) =>
      `image "${p.name}" is damaged: ${p.file} ${p.problem}`,
    hint: (p: { name: string; file: string; problem: string; next?: string }) =>
      p.next ?? `get it again with \`banger image pull ${p.name}\``,
  }),
  KERNEL_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { name: string; recipe?: string; pull?: string; nearest?: string }) =>
      `no kernel is named "${p.name}"`,
    hint: (p) => {
      if (p.recipe ?? p.pull) return `get it with \`banger kernel pull ${p.recipe ?? p.pull}\``;
      const meant = p.nearest ? `did you mean "${p.nearest}"? ` : "";
      return `${meant}\`banger kernel ls\` shows every kernel, \`banger kernel catalog\` what can be pulled`;
    },
  }),
  KERNEL_AMBIGUOUS: spec({
    exit: Exit.Usage,
    message: (p: { text: string; names: readonly string[] }) => `"${p.text}" could be any of ${p.names.join(", ")}`,
    hint: () => "give more digits; `banger kernel ls` shows the digests",
  }),
  KERNEL_IN_USE: spec({
    exit: Exit.Conflict,
    message: (p: { name: string; users: readonly string[] }) => `kernel "${p.name}" is used by ${p.users.join(", ")}`,
    hint: (p) => `delete them first: \`banger vm delete ${p.users.join(" ")}\``,
  }),
  KERNEL_DAMAGED: spec({
    exit: Exit.Failure,
    message: (p: { name: string; problem: string }) => `kernel "${p.name}" is damaged: ${p.problem}`,
    hint: (p) =>
      `get it again with \`banger kernel pull ${p.name}\`; if it is your own, import it again under the same name`,
  }),
  KERNEL_UNUSABLE: spec({
    exit: Exit.Failure,
    message: (p: { name: string; problem: string }) => `kernel "${p.name}" can't be used: ${p.problem}`,
    hint: () =>
      "banger needs virtio, vsock, squashfs, overlay and ext4, built in or as modules; Debian's linux-image-cloud-amd64 has them all",
  }),
};
