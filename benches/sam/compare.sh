#!/bin/sh
# Supervision beside its peers, in one run and in turns: our libsam and corosync's (libsam4 of
# Debian) by one binary that is run with either, and our command beside runit and supervisord.
# Prints a table; a peer that is not installed is left out of it.
#
#     compare.sh [--install] [--write] [FOLDER]
#
# FOLDER is target/release, after
#
#     cargo build --release -p sam-c -p sam-cli -p sam-tests --lib --bins --examples
#
# --install gets the peers from Debian first; it needs root, and starts none of their services.
# --write puts the table into RESULTS.md, between its two marks.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
policy=
supervisor=
trap 'status=$?; [ -z "$supervisor" ] || kill "$supervisor"; rm -rf "$place" $policy; exit $status' EXIT
trap 'exit 1' HUP INT TERM

install_peers() {
	# Debian's packages ask this file whether they may start what they bring.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	apt-get update
	# Not what it recommends: that would make runit this machine's first process.
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
		libsam4 libsam-dev runit supervisor
	[ -z "$policy" ] || rm -f "$policy"
	policy=
}

write=
folder=$here/../../target/release
for argument; do
	case $argument in
	--install) install_peers >&2 ;;
	--write) write=yes ;;
	-*)
		echo "$argument is none of --install and --write" >&2
		exit 2
		;;
	*) folder=$argument ;;
	esac
done
folder=$(cd "$folder" && pwd)
for file in libsam.so sam examples/parked; do
	[ -e "$folder/$file" ] || {
		echo "$folder has no $file: see the head of this script for what to build" >&2
		exit 1
	}
done

have() { command -v "$1" >/dev/null 2>&1; }
missing() { echo "$1 is not installed: ours is measured without it" >&2; }

theirs=$(cc -print-file-name=libsam.so.4)
mkdir "$place/ours" "$place/theirs"
ln -s "$folder/libsam.so" "$place/ours/libsam.so.4"
case $theirs in
/*) ln -s "$theirs" "$place/theirs/libsam.so.4" ;;
*) missing "corosync's libsam.so.4" ;;
esac
strict='-std=c17 -O2 -Wall -Wextra -Werror'
# shellcheck disable=SC2086 # an option each
cc $strict -I"$here/../../sam/include" "$here/compare.c" -o "$place/compare" "$folder/libsam.so"
# shellcheck disable=SC2086
cc $strict "$here/command.c" -o "$place/command"

middle() { sort -n | awk '{ line[NR] = $0 } END { if (NR) print line[int((NR + 1) / 2)] }'; }

# A line of the table. A unit is ns, kB or times; a bound is "of peer's N", the most that the
# ratio may be, "N", the most that ours may be, or nothing; with words for it.
row() { # label, unit, ours, peer's name, its figure or nothing, bound, its words
	awk -v label="$1" -v unit="$2" -v a="$3" -v peer="$4" -v b="$5" -v bound="$6" -v words="$7" '
	function shown(x) {
		if (unit != "ns") return sprintf(unit == "kB" ? "%.0f kB" : "%.0f", x)
		if (x < 1e3) return sprintf("%.0f ns", x)
		if (x < 1e6) return sprintf("%.3g us", x / 1e3)
		if (x < 1e9) return sprintf("%.3g ms", x / 1e6)
		return sprintf("%.3g s", x / 1e9)
	}
	BEGIN {
		has = b != "" && b + 0 > 0
		ratio = !has || a == 0 ? "" : a / b < 0.5 ? sprintf("1/%.3g", b / a) : sprintf("%.2f", a / b)
		if (bound ~ /^of /) {
			split(bound, part, " ")
			result = has ? (a / b <= part[3] ? "pass" : "**miss**") : "not measured"
		} else if (bound != "")
			result = a <= bound + 0 ? "pass" : "**miss**"
		printf("| %s | %s | %s | %s | %s | %s |\n", label, shown(a), b == "" ? "" : shown(b) ", " peer, ratio, words, result)
	}'
}

# The measurement needs many restarts within a short time.
one() { # whose library, what
	whose=$1
	shift
	SAM_BUDGET=64/1s SAM_BACKOFF=0s..0s SAM_LOG=0 LD_LIBRARY_PATH=$place/$whose \
		"$place/compare" "$@" | cut -d ' ' -f 1
}

library() { # label, unit, bound, its words, what
	label=$1 unit=$2 bound=$3 words=$4
	shift 4
	: >"$place/a"
	: >"$place/b"
	for _ in 1 2 3 4 5; do
		one ours "$@" >>"$place/a"
		[ ! -e "$place/theirs/libsam.so.4" ] || one theirs "$@" >>"$place/b"
	done
	row "$label" "$unit" "$(middle <"$place/a")" "corosync's" "$(middle <"$place/b")" "$bound" "$words"
}

supervise() { # by whom: in this process, until it is killed
	case $1 in
	# At once after a life of a second, as runit does it.
	ours) exec "$folder/sam" run --quiet --healthy-after 1s --budget 64/60s -- "$place/command" instance "$place/page" ;;
	runit)
		mkdir -p "$place/service"
		printf '#!/bin/sh\nexec "%s" instance "%s"\n' "$place/command" "$place/page" >"$place/service/run"
		chmod 755 "$place/service/run"
		exec runsv "$place/service"
		;;
	supervisord)
		cat >"$place/supervisord.conf" <<-END
			[supervisord]
			logfile=/dev/null
			logfile_maxbytes=0
			pidfile=$place/supervisord.pid
			[program:instance]
			command=$place/command instance $place/page
			autorestart=true
		END
		exec supervisord --nodaemon --configuration "$place/supervisord.conf" >/dev/null 2>&1
		;;
	esac
}

observed() { # by whom: appends a line of what was measured of it
	head -c 4096 /dev/zero >"$place/page"
	supervise "$1" &
	supervisor=$!
	"$place/command" observe "$place/page" 5 >>"$place/by.$1"
	kill "$supervisor"
	wait "$supervisor" 2>/dev/null || :
	supervisor=
}

figure() { # by whom, which column
	[ ! -e "$place/by.$1" ] || cut -d ' ' -f "$2" "$place/by.$1" | middle
}

commands() {
	set -- ours
	if have runsv; then set -- "$@" runit; else missing runit; fi
	if have supervisord; then set -- "$@" supervisord; else missing supervisord; fi
	for _ in 1 2 3; do
		for whose; do observed "$whose"; done
	done
	column=1
	for what in 'kill to next instance|ns||' "supervisor's private memory|kB|150|at most 150 kB" 'wake-ups in 2 s with nothing to do|times|0|none'; do
		IFS='|' read -r label unit bound words <<-END
			$what
		END
		ours=$(figure ours $column)
		row "\`sam run\`: $label" "$unit" "$ours" runit "$(figure runit $column)" "$bound" "$words"
		row '' "$unit" "$ours" supervisord "$(figure supervisord $column)" '' ''
		column=$((column + 1))
	done
}

version_of() { # package
	version=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) && [ -n "$version" ] && echo "$version" || echo "not installed"
}

header() {
	echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r)," \
		"$(rustc --version 2>/dev/null || echo 'rustc unknown'), $(date -u +%Y-%m-%d), load average" \
		"$(cut -d ' ' -f 1 /proc/loadavg) before it. libsam4 $(version_of libsam4), runit" \
		"$(version_of runit), supervisor $(version_of supervisor)."
}

table() {
	echo '| measured | ours | peer | ratio | bound | result |'
	echo '|---|--:|--:|--:|---|---|'
	library beat ns 'of peers 0.033334' 'at most 1/30' beat
	library 'store 64 B' ns 'of peers 0.02' 'at most 1/50' store 64
	library 'store 4 KiB' ns 'of peers 0.125' 'at most 1/8' store 4096
	library 'store 1 MiB' ns 'of peers 0.5' 'at most 1/2' store 1048576
	library 'kill to next instance, small heap' ns 'of peers 1' 'at most 1.0x' restart 0
	library 'kill to next instance, 100 MiB' ns 'of peers 0.3' 'at most 0.3x' restart 100
	library 'hang to warning, beyond the interval' ns 1000000 'at most 1 ms' warn
	library "supervisor's private memory" kB 150 'at most 150 kB' memory
	library 'wake-ups in 2 s while stopped' times 0 none parked
	woken=$(for _ in 1 2 3; do "$folder/examples/parked"; done | middle)
	row 'wake-ups in 2 s, started, every named check parked' times "$woken" '' '' 0 none
	commands
}

header | fold -s -w 96 | sed 's/ *$//' >"$place/header"
table >"$place/table"
{
	cat "$place/header"
	echo
	cat "$place/table"
} >"$place/measured"
cat "$place/measured"

[ -n "$write" ] || exit 0
awk -v measured="$place/measured" '
/^<!-- measured/ { print; print ""; while ((getline line < measured) > 0) print line; print ""; skip = 1; marks++ }
/^<!-- end of measured/ { skip = 0; marks++ }
!skip { print }
END { exit marks != 2 }' "$here/RESULTS.md" >"$place/RESULTS.md" || {
	echo "RESULTS.md has not its two marks: nothing is written" >&2
	exit 1
}
cat "$place/RESULTS.md" >"$here/RESULTS.md"
