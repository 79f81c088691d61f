#!/bin/bash
# Completion in bash: every option of -h, words that an option's value can be, files; installed where shells look. The
# scripts for zsh and fish are read by these shells where they are there.
. "$TESTS/cli/lib.sh"
tools=$(cd "$BUILD" && ls | grep -E '^(bbu|dino|feat)-[a-z]+$')
complete_line() { # words...: what bash would offer for the last one, a line each
    local function=_${1//-/_}
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "$function"
    printf '%s\n' "${COMPREPLY[@]}"
}
offers() { # what is offered, in this order; words...
    local want=$1
    shift
    check "$* -> $want" test "$(complete_line "$@" | tr '\n' ' ')" = "$want "
}
for tool in $tools; do
    status 0 "$tool" --completion=bash
    cp out "$tool.bash"
    check "$tool: a script" bash -n "$tool.bash"
    . "./$tool.bash"
    complete_line "$tool" - | tr ' ' '\n' | sort >offered
    "$tool" -h | sed -nE 's/^  (-.)?(, )? *(--[a-z0-9-]+)?.*/\1 \3/p' | tr ' ' '\n' | grep '^-' | sort >listed
    check "$tool: the options of -h are offered" cmp offered listed
    check "$tool: completion is asked for" bash -c '. "$1" && complete -p "$2" | grep -q " -F _${2//-/_} $2"' - "./$tool.bash" "$tool"
    for shell in zsh fish; do
        status 0 "$tool" --completion=$shell
        cp out "$tool.$shell"
        if command -v $shell >/dev/null; then
            check "$tool: $shell reads it" $shell -n "$tool.$shell"
        else
            check "$tool: options of $shell" test "$(grep -c -- "-l \|--[a-z]" "$tool.$shell")" -ge "$(grep -c -- -- listed)"
        fi
    done
done

mkdir in && cd in && touch train.feat 'test 1.feat' notes.txt && mkdir shards
offers --out-of-fold feat-logreg --out-of
offers '--group-score --groups' feat-logreg --group
offers train.feat feat-logreg -t tr
offers 'notes.txt' feat-logreg --model n
offers 'test 1.feat' feat-logreg 'tes'
offers 'cls cls+mean' dino-extract --tokens c
offers 'cls cls+mean' dino-extract --tokens = c
offers 'auto cpu' feat-knn --device ''
offers 'none' feat-logreg --class-weight n
offers '' feat-logreg -C ''
complete_line dino-extract -w train.feat '' | LC_ALL=C sort >../all
LC_ALL=C ls >../there
check 'files and folders' cmp ../all ../there
status 2 feat-cat --completion=csh
err_has '--completion: must be one of bash|zsh|fish, not "csh"'

# ---- a bash that someone types into, on a terminal
if command -v script >/dev/null; then
    printf 'unset HISTFILE\n. ../feat-logreg.bash\nfeat-logreg() { printf "<%%s>" "$@"; echo; }\nfeat-logreg --out-of\ttrain\t\nexit\n' |
        TERM=dumb INPUTRC=/dev/null timeout 20 script -qec 'bash --norc --noprofile -i' /dev/null >typed 2>&1
    check 'typed: an option and a file' grep -qF '<--out-of-fold><train.feat>' typed
else
    skip 'no script(1)' 'typed: an option and a file'
fi
done_testing
