# bash completion for guideway: the program itself says what may come.
_guideway() {
    local cur words cword candidate
    COMPREPLY=()
    _get_comp_words_by_ref -n : cur words cword
    while IFS=$'\t' read -r candidate _; do
        case $candidate in
            :file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
            :directory) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
            *) COMPREPLY+=("$candidate") ;;
        esac
    done < <("${words[0]}" complete -- "${words[@]:1:cword}" 2>/dev/null)
    __ltrim_colon_completions "$cur"
} && complete -F _guideway guideway
