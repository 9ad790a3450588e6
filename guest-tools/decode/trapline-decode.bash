# SPDX-License-Identifier: MIT
# bash completion for trapline-decode: the options and formats are those of its --help.
_trapline_decode_formats() {
	trapline-decode --help | sed -n '/^FORMAT is one of/,/^[A-Z] *FILE/s/^  \([a-z]*\) .*/\1/p'
}

# bash takes --color=never apart at the "=": $1 is the option, $2 what follows.
_trapline_decode_value() {
	case $1 in
	--color | -c) mapfile -t COMPREPLY < <(compgen -W "always never auto" -- "$2") ;;
	--format | -o) mapfile -t COMPREPLY < <(compgen -W "$(_trapline_decode_formats)" -- "$2") ;;
	--module | -m | --debug-dir | -d) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
	--vmlinux | -k | --map | -M) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	*) return 1 ;;
	esac
}

_trapline_decode() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if [ "$word" = "=" ]; then
		_trapline_decode_value "$before" ""
	elif [ "$before" = "=" ]; then
		_trapline_decode_value "${COMP_WORDS[COMP_CWORD - 2]}" "$word"
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(trapline-decode --help | grep -o -- '--[a-z-]*=\{0,1\}')" -- "$word")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	elif ! _trapline_decode_value "$before" "$word"; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
	return 0
}
complete -o filenames -F _trapline_decode trapline-decode
