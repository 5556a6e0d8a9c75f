# fish completion for banger
function __banger_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    for line in (command banger __complete -- $typed[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :folders
                __fish_complete_directories "$current"
            case :nospace
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c banger -e
complete -c banger -f -a '(__banger_complete)'
