/**
 * The guest's half of a pull: what its shell runs. It prints a head in lines (`answer.ts` reads it) and then one pack. All that the guest
 * has is packed as git objects: its branches, and a commit of the work tree as it is, exact bytes, ignored files left out. The guest's
 * repository stays as it is: index, objects and settings are those of a git directory beside it.
 */

/** Exit codes of the script. */
export const scriptExit = { noGit: 90, noRepository: 91 } as const;

/**
 * Its argument is the commits that the host has, one in a line; its stdin is the files that were sent and that HEAD lacks, as lines of
 * `git update-index -z --index-info`: they count also if they are ignored by now. Runs in the workspace's folder.
 */
export const guestScript = String.raw`set -eu
umask 077
export LC_ALL=C GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0 GIT_NO_LAZY_FETCH=1 GIT_NO_REPLACE_OBJECTS=1
git --version >/dev/null 2>&1 || exit ${scriptExit.noGit}
theirs() { git -c safe.directory='*' -c core.fsmonitor=false "$@"; }
export GIT_CEILING_DIRECTORIES="$(dirname "$(pwd -P)")"
dir=$(theirs rev-parse --git-common-dir 2>/dev/null) || exit ${scriptExit.noRepository}
dir=$(cd "$dir" && pwd -P)
objects=$(theirs rev-parse --git-path objects)
objects=$(cd "$objects" && pwd -P)
format=$(theirs rev-parse --show-object-format 2>/dev/null) || format=sha1
excludes=$(theirs config --type=path core.excludesFile 2>/dev/null) || excludes=
t=$(mktemp -d "\${TMPDIR:-/var/tmp}/banger-work.XXXXXX" 2>/dev/null) || t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
trap 'exit 129' HUP INT TERM PIPE
printf '%s\n' "$1" >"$t/known"
own="$t/git"
mkdir -p "$own/objects/info" "$own/refs" "$own/info"
echo 'ref: refs/heads/none' >"$own/HEAD"
printf '%s\n' "$objects" >"$own/objects/info/alternates"
case $format in
sha256) printf '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n' ;;
*) printf '[core]\n\trepositoryformatversion = 0\n'; format=sha1 ;;
esac >"$own/config"
if [ -f "$dir/shallow" ]; then cp "$dir/shallow" "$own/shallow"; fi
if [ -f "$dir/info/exclude" ]; then cp "$dir/info/exclude" "$own/info/exclude"; fi
echo '* -text !eol -ident -filter !working-tree-encoding' >"$own/info/attributes"
ours() {
  git --git-dir="$own" --work-tree=. -c core.attributesFile=/dev/null -c core.autocrlf=false -c core.safecrlf=false \
    -c core.fileMode=true -c core.symlinks=true -c core.ignoreCase=false -c core.compression=1 -c gc.auto=0 \
    -c core.fsmonitor=false -c core.hooksPath=/dev/null -c advice.addEmbeddedRepo=false "$@"
}
if [ -n "$excludes" ]; then
  with_excludes() { ours -c core.excludesFile="$excludes" "$@"; }
else
  with_excludes() { ours "$@"; }
fi
ours update-index -z --index-info
theirs ls-files -z --stage | ours update-index -z --index-info
with_excludes add -A --ignore-errors . >&2 || [ $? = 1 ]
tree=$(ours write-tree)
head=$(theirs rev-parse -q --verify 'HEAD^{commit}') || head=
ref=$(theirs symbolic-ref -q HEAD) || ref=
export GIT_AUTHOR_NAME=banger GIT_AUTHOR_EMAIL=banger@localhost GIT_COMMITTER_NAME=banger GIT_COMMITTER_EMAIL=banger@localhost
if [ -n "$head" ]; then work=$(ours commit-tree -p "$head" -m work "$tree" </dev/null)
else work=$(ours commit-tree -m work "$tree" </dev/null); fi
theirs for-each-ref --format='ref %(objectname) %(refname)' refs/heads >"$t/refs"
printf 'banger-work 1\nformat %s\nhead %s %s\nwork %s\n' "$format" "\${head:--}" "\${ref:--}" "$work"
cat "$t/refs"
echo
{
  echo "$work"
  sed 's/^ref \([0-9a-f]*\) .*/\1/' "$t/refs"
  ours cat-file --batch-check='%(objecttype) %(objectname)' <"$t/known" | sed -n 's/^commit /^/p'
} | ours pack-objects --revs --stdout -q --window=0
`.replaceAll("\\${", "${");
