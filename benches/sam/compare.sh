#!/bin/sh
# Our libsam beside corosync's (libsam4 of Debian), by one binary that is run with either, in
# turns. Takes the folder of ours: target/release, after `cargo build --release -p sam-c`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
ours=$(cd "${1:-$here/../../target/release}" && pwd)/libsam.so
theirs=$(cc -print-file-name=libsam.so.4)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/ours" "$place/theirs"
ln -s "$ours" "$place/ours/libsam.so.4"
case $theirs in
/*) ln -s "$theirs" "$place/theirs/libsam.so.4" ;;
*) echo "corosync's libsam.so.4 is not installed: only ours is measured" ;;
esac
cc -std=c17 -O2 -Wall -Wextra -I"$here/../../sam/include" "$here/compare.c" -o "$place/compare" "$ours"

# So many restarts within so short a time are what is measured here.
export SAM_BUDGET=64/1s SAM_BACKOFF=0s..0s SAM_LOG=0

one() { # whose, what
	whose=$1
	shift
	LD_LIBRARY_PATH=$place/$whose "$place/compare" "$@" | cut -d ' ' -f 1
}

middle() { sort -n | sed -n 3p; }

printf '%-22s %14s %14s %8s\n' '' ours "corosync's" ratio
row() { # label, what
	label=$1
	shift
	: >"$place/a"
	: >"$place/b"
	for round in 1 2 3 4 5; do
		one ours "$@" >>"$place/a"
		[ -e "$place/theirs/libsam.so.4" ] && one theirs "$@" >>"$place/b"
	done
	a=$(middle <"$place/a") b=$(middle <"$place/b")
	awk -v l="$label" -v a="$a" -v b="${b:-0}" \
		'BEGIN { printf("%-22s %14.1f %14.1f %8s\n", l, a, b, (b > 0) ? sprintf("%.4f", a / b) : "-") }'
}

row 'beat, ns' beat
row 'store 64 B, ns' store 64
row 'store 4 KiB, ns' store 4096
row 'store 1 MiB, ns' store 1048576
row 'restart, ns' restart 0
row 'restart, 100 MiB, ns' restart 100
row 'late warning, ns' warn
row 'supervisor, kB' memory
