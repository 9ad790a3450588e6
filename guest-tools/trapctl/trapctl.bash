# SPDX-License-Identifier: MIT
# bash completion for trapctl
_trapctl_vectors="all none de db nmi bp of br ud nm df ts np ss gp pf mf ac mc xm"

# The names of the shares that are open, and of the services; nothing without rights.
_trapctl_shares() {
	trapctl share list 2>/dev/null | sed -n 's/^share .* name="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p'
}
_trapctl_services() {
	trapctl status 2>/dev/null | sed -n 's/^\(user\|kernel\): //p'
}

# The last name of a list; what stands before it is kept.
_trapctl_list() {
	local word=$1 head=
	[[ $word == *[,+-]* ]] && head=${word%"${word##*[,+-]}"}
	mapfile -t COMPREPLY < <(compgen -P "$head" -W "$_trapctl_vectors" -- "${word#"$head"}")
}

# bash takes --vector=gp apart at the "=": $1 is the option, $2 what follows.
_trapctl_value() {
	case $1 in
	--vector) _trapctl_list "$2" && compopt -o nospace ;;
	--cpl) mapfile -t COMPREPLY < <(compgen -W "0 3" -- "$2") ;;
	--cpu) mapfile -t COMPREPLY < <(compgen -W "$(seq 0 $(($(nproc) - 1)))" -- "$2") ;;
	--pid) mapfile -t COMPREPLY < <(compgen -W "ended $(cd /proc && echo [0-9]*)" -- "$2") ;;
	esac
}

_trapctl_share() {
	case $COMP_CWORD:${COMP_WORDS[2]} in
	2:*) words="list create read write" ;;
	3:read | 3:write) words=$(_trapctl_shares) ;;
	[5-9]:create) words=$(compgen -c -- "$word") ;;
	esac
}

# The symbols of a kernel are too many to offer.
_trapctl_watch() {
	case $COMP_CWORD:${COMP_WORDS[2]} in
	2:*) words="list add cred exec delete allow forbid --help" ;;
	*:add) words="physical linear symbol reg msr follow log once deny rate= except= cr3= --follow --hits=" ;;
	*:cred) words="--pid= log once deny rate= --hits=" ;;
	*:exec) words="once deny rate=" ;;
	*:delete) words="all $(trapctl watch list 2>/dev/null | sed -n 's/^watch id=\([0-9]*\).*/\1/p')" ;;
	esac
}

_trapctl_bench() {
	case $before in
	--save | --against) words=$(compgen -f -- "$word") ;;
	*) words="--rounds= --cpu= --save --against --json --help" ;;
	esac
}

_trapctl_command() {
	case ${COMP_WORDS[1]} in
	help) words="$_trapctl_commands" ;;
	core) words="--last --full --json --help $(compgen -f -- "$word")" ;;
	trace) words="--follow --keep --last= --cpu= --vector= --cpl= --rip= --cr3= --as= --pid= --no-marks --json --help" ;;
	stats) words="--exits --json --help" ;;
	bench) _trapctl_bench ;;
	call) words=$([ "$COMP_CWORD" = 2 ] && _trapctl_services; echo "text: buffer: --json --help") ;;
	share) _trapctl_share ;;
	watch) _trapctl_watch ;;
	console) [ "$COMP_CWORD" = 2 ] && words=$(trapctl console help 2>/dev/null | sed -n 's/^help name=\([^ ]*\).*/\1/p') ;;
	filter) _trapctl_list "$word" ;;
	mark | dying) ;;
	*) words="--json --help" ;;
	esac
}

_trapctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=
	local _trapctl_commands="status trace stats filter ended freeze thaw mark dying core call share console watch ping bench version help"
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words="$_trapctl_commands --json --version --help"
	elif [ "$word" = "=" ]; then
		_trapctl_value "$before" ""
	elif [ "$before" = "=" ]; then
		_trapctl_value "${COMP_WORDS[COMP_CWORD - 2]}" "$word"
	else
		_trapctl_command
	fi
	[ -n "$words" ] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	[[ ${COMPREPLY[0]-} == *[=:] ]] && compopt -o nospace
	return 0
}
complete -F _trapctl trapctl
