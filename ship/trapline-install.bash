# SPDX-License-Identifier: MIT
# bash completion for trapline-install: the options are those of its --help.
_trapline_install() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	case $before in
	--esp) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	--conf | --image | --sign) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(trapline-install --help | grep -o -- '--[a-z-]*' | sort -u)" -- "$word") ;;
	esac
}
complete -o filenames -F _trapline_install trapline-install
