#compdef banger
# zsh completion for banger
_banger() {
  local -a typed names shown options
  local line paths=""
  typed=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
  while IFS= read -r line; do
    case $line in
      :files|:folders) paths=$line ;;
      :nospace) options=(-S '') ;;
      *)
        names+=("${line%%$'\t'*}")
        line=${line#*$'\t'}
        shown+=("${names[-1]}${line:+  -- $line}")
        ;;
    esac
  done < <(command banger __complete -- "${typed[@]}" 2>/dev/null)
  (( $#names )) && compadd -l -d shown "${options[@]}" -a names
  if [[ -n $paths ]]; then
    compset -P '--[^=]#='
    if [[ $paths == :folders ]]; then _files -/; else _files; fi
  fi
}
if [[ ${funcstack[1]} == _banger ]]; then _banger "$@"; else compdef _banger banger; fi
