# bash completion for fvesetup
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The arrays are filled at build time from the tables that --help is printed from. Global ones,
# since bash-completion sources this file from inside a function.

declare -gA _fvesetup_operands=() _fvesetup_takes=() _fvesetup_argument=()
declare -g _fvesetup_common='' _fvesetup_kinds=''
@COMPLETION@

# _fvesetup_value KIND WORD: what can stand for an operand or an option's argument.
_fvesetup_value() {
	case $1 in
	device) compgen -f -- "${2:-/dev/}" ;;
	name) compgen -W "$(cd /dev/mapper 2>/dev/null && printf '%s\n' * | grep -vx control)" -- "$2" ;;
	file | FILE | DIR) compgen -f -- "$2" ;;
	spec | SPEC) compgen -W "$_fvesetup_kinds" -- "$2" ;;
	BYTES) compgen -W '512 1024 2048 4096' -- "$2" ;;
	esac
}

_fvesetup() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} action='' words=() i
	local operands kind

	# Readline splits at "=": --option = value.
	[ "$word" != = ] || word=
	[ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		= | -*) ;;
		*)
			# An option's argument is no operand.
			if [ "${COMP_WORDS[i - 1]}" = = ] ||
				[ -n "${_fvesetup_argument[${COMP_WORDS[i - 1]}]-}" ]; then
				continue
			fi
			words+=("${COMP_WORDS[i]}")
			;;
		esac
	done
	if [ -n "${_fvesetup_operands[${words[0]-} ${words[1]-}]+is}" ]; then
		action="${words[0]} ${words[1]}"
		words=("${words[@]:2}")
	elif [ -n "${words[0]-}" ] && [ -n "${_fvesetup_operands[${words[0]}]+is}" ]; then
		action=${words[0]}
		words=("${words[@]:1}")
	fi

	compopt -o filenames 2>/dev/null
	if [ -n "${_fvesetup_argument[$before]-}" ]; then
		mapfile -t COMPREPLY < <(_fvesetup_value "${_fvesetup_argument[$before]}" "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${_fvesetup_takes[$action]-} $_fvesetup_common" -- "$word")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
	elif [ -z "$action" ]; then
		compopt +o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(
			for action in "${!_fvesetup_operands[@]}"; do
				if [ ${#words[@]} -eq 0 ]; then
					echo "${action%% *}"
				elif [ "${action%% *}" = "${words[0]}" ]; then
					echo "${action#* }"
				fi
			done | LC_ALL=C sort -u | while read -r i; do
				[[ $i != "$word"* ]] || echo "$i"
			done)
	else
		operands=${_fvesetup_operands[$action]}
		read -ra operands <<<"${operands//[<>\[\]]/}"
		kind=${operands[${#words[@]}]-}
		[ -z "$kind" ] || mapfile -t COMPREPLY < <(_fvesetup_value "$kind" "$word")
	fi
} && complete -F _fvesetup fvesetup
