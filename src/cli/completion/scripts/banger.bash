# bash completion for banger
# Bash splits words at : and = (COMP_WORDBREAKS): they are joined again, and what stands before the last of these is taken off the
# proposals, because readline does not replace it.
_banger() {
  local rest=${COMP_LINE:0:COMP_POINT} words=() i word trimmed
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    trimmed=${rest#"${rest%%[![:space:]]*}"}
    ((i == COMP_CWORD)) && word=$trimmed
    if ((i == 0)) || [[ $trimmed != "$rest" || -z $rest && -z $word ]]; then
      words+=("$word")
    else
      words[${#words[@]}-1]+=$word
    fi
    rest=${trimmed#"$word"}
  done
  local current=${words[${#words[@]}-1]} before="" line paths="" quoted
  local breaks=${COMP_WORDBREAKS//[!:=]/}
  [[ -n $breaks && $current == *[$breaks]* ]] && before=${current%"${current##*[$breaks]}"}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :folders) paths=$line ;;
      :nospace) compopt -o nospace ;;
      *)
        line=${line%%$'\t'*}
        printf -v quoted %q "${line#"$before"}"
        COMPREPLY+=("$quoted")
        ;;
    esac
  done < <(command banger __complete -- "${words[@]:1}" 2>/dev/null)
  [[ -n $paths ]] || return 0
  local option=-f names=${#COMPREPLY[@]}
  [[ $paths == :folders ]] && option=-d
  ((names)) || compopt -o filenames
  while IFS= read -r line; do
    line=${line#"$before"}
    ((names)) && printf -v line %q "$line"
    COMPREPLY+=("$line")
  done < <(compgen "$option" -- "${current#--*=}")
}
complete -F _banger banger
