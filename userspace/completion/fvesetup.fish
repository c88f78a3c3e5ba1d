# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Completion of fish. The lines below are made at build time from the tables that --help is printed from.

# The words before the cursor that are no options. An argument is given as --option=value here.
function __fvesetup_words
    set -l words (commandline -opc)
    for word in $words[2..-1]
        string match -q -- '-*' $word
        or echo $word
    end
end

# __fvesetup_group [WORD]: only that word stands there, or none.
function __fvesetup_group
    set -l words (__fvesetup_words)
    test "$words" = "$argv"
end

# __fvesetup_at WORD...: the action is this one.
function __fvesetup_at
    set -l words (__fvesetup_words)
    set -l n (count $argv)
    test (count $words) -ge $n
    and test "$words[1..$n]" = "$argv"
end

# __fvesetup_takes ACTION...: the action is one of these, or there is none yet.
function __fvesetup_takes
    set -l words (__fvesetup_words)
    test (count $words) -eq 0
    and return 0
    contains -- "$words[1]" $argv
    and return 0
    test (count $words) -ge 2
    and contains -- "$words[1..2]" $argv
end

# __fvesetup_value KIND: what can stand for an operand or an option's argument.
function __fvesetup_value
    switch $argv[1]
        case device file packet FILE DIR CERT
            __fish_complete_path (commandline -ct)
        case name
            for path in /dev/mapper/*
                string match -q '*/control' $path
                or string replace -r '.*/' '' $path
            end
        case spec SPEC
            printf '%s\n' $__fvesetup_kinds
        case BYTES
            printf '%s\n' 512 1024 2048 4096
    end
end

complete -c fvesetup -f
@FISH@
