# bash completion for trapctl
_trapctl() {
	local word=${COMP_WORDS[COMP_CWORD]} words=
	if [ "$COMP_CWORD" = 1 ]; then
		words="status trace stats filter mark call share console ping help"
	else
		case ${COMP_WORDS[1]} in
		trace) words="--follow --json --last= --cpu= --vector= --cpl= --rip= --cr3= --pid= --no-marks" ;;
		stats) words="--exits" ;;
		share) [ "$COMP_CWORD" = 2 ] && words="list create read write" ;;
		console) [ "$COMP_CWORD" = 2 ] && words="help status traps stats exits filter intercept regs mem walk disas message shares loglevel" ;;
		filter) words="all none de db bp of br ud nm df ts np ss gp pf mf ac mc xm" ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
}
complete -F _trapctl trapctl
