# Reads key=value words. Sourced by the launchers; no eval anywhere.
#
# words_parse KNOWN... -- WORD...   sets each KNOWN name given as name=value; others are errors with a suggestion (exit 2).
# The same names are taken from the environment unless a word overrides them. `set=` may repeat: SET_WORDS collects.

die() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

# The known name that shares most letters at its beginning, or nothing.
words_suggest() {
  local word=$1 best='' most=1 name common
  shift
  for name in "$@"; do
    common=0
    while [ "$common" -lt "${#word}" ] && [ "${word:$common:1}" = "${name:$common:1}" ]; do
      common=$((common + 1))
    done
    if [ "$common" -gt "$most" ]; then
      most=$common best=$name
    fi
  done
  [ -z "$best" ] || printf ' (did you mean %s=?)' "$best"
}

words_parse() {
  local known=() word name found candidate
  while [ "$1" != -- ]; do
    known+=("$1")
    shift
  done
  shift
  SET_WORDS=()
  for word in "$@"; do
    name=${word%%=*}
    [ "$name" != "$word" ] || die "'$word' is not a key=value word$(words_suggest "$word" "${known[@]}"); see --help" 2
    found=''
    for candidate in "${known[@]}"; do
      [ "$candidate" != "$name" ] || found=yes
    done
    [ -n "$found" ] || die "unknown word '$name'$(words_suggest "$name" "${known[@]}"); known: ${known[*]}" 2
    if [ "$name" = set ]; then
      SET_WORDS+=("${word#set=}")
    else
      printf -v "$name" '%s' "${word#*=}"
    fi
  done
}

# True for true, 1, yes, on; false for empty, false, 0, no, off; anything else is an error.
is_true() {
  case "${2:-}" in
    true | 1 | yes | on) return 0 ;;
    '' | false | 0 | no | off) return 1 ;;
    *) die "$1 must be true or false, got '$2'" 2 ;;
  esac
}
