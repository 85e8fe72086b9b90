#!/bin/sh
# Installs libsam for C: libraries, headers, pkg-config file and manual pages, that of the command `sam`
# with them.
#
#     cargo build --release -p sam-c
#     prefix=/usr sh sam/c/install.sh
#
# The environment gives the folders (prefix, libdir, includedir, mandir), a root that stands before
# each of them and in no installed file (DESTDIR), the folder that has libsam.so and libsam.a (from;
# default: release in CARGO_TARGET_DIR, or in target), and the tools (CC, NM, LD, OBJCOPY, AR).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
prefix=${prefix:-/usr/local}
libdir=${libdir:-$prefix/lib}
includedir=${includedir:-$prefix/include}
mandir=${mandir:-$prefix/share/man}
from=${from:-${CARGO_TARGET_DIR:-$root/target}/release}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)

for library in libsam.so libsam.a; do
	if [ ! -f "$from/$library" ]; then
		echo "$0: $library is not in $from; run cargo build --release -p sam-c first, or set from to its folder" >&2
		exit 66
	fi
done

into() { # folder, mode, files
	folder=${DESTDIR:-}$1
	mode=$2
	shift 2
	mkdir -p "$folder"
	for file; do
		# A running program keeps the file that it mapped.
		cp "$file" "$folder/.new.$$"
		chmod "$mode" "$folder/.new.$$"
		mv "$folder/.new.$$" "$folder/$(basename "$file")"
	done
}

# cargo's libsam.a has all of Rust's standard library, whose look-ups of hosts and users make the
# linker warn about every fully static program. This leaves out what the functions of libsam.so do
# not reach, and keeps no name but theirs global, so that none collides with another Rust library's.
trimmed() { # archive
	${NM:-nm} -D --defined-only "$from/libsam.so" | sed 's/.* //' >"$place/functions"
	# shellcheck disable=SC2046 # an option each
	${LD:-ld} -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$place/functions") \
		"$from/libsam.a" -o "$place/all.o"
	${OBJCOPY:-objcopy} --keep-global-symbols="$place/functions" --strip-unneeded \
		-R .llvmbc -R .llvmcmd "$place/all.o" "$place/sam.o"
	${AR:-ar} rcsD "$1" "$place/sam.o"
}

# cargo's libsam.so has no symbol versions: the compiler gives the linker a version script of its
# own, and the linker takes only one. Without versions the loader prints a remark at each start of a
# program that was linked to corosync's library.
versioned() { # library
	${CC:-cc} -shared -o "$1" "$place/sam.o" -Wl,-soname,libsam.so.4 \
		-Wl,--version-script="$here/libsam.versions" -Wl,-z,relro,-z,now -Wl,--as-needed \
		-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
}

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trimmed "$place/libsam.a"
versioned "$place/libsam.so"

into "$libdir" 755 "$place/libsam.so"
into "$libdir" 644 "$place/libsam.a"
# The loader looks for the soname, the linker for the plain name.
mv "${DESTDIR:-}$libdir/libsam.so" "${DESTDIR:-}$libdir/libsam.so.4"
ln -sf libsam.so.4 "${DESTDIR:-}$libdir/libsam.so"
into "$includedir/corosync" 644 "$root/sam/include/corosync/sam.h" "$root/sam/include/corosync/corotypes.h"
for section in 1 3; do
	into "$mandir/man$section" 644 "$root"/sam/man/*."$section"
done
mkdir -p "${DESTDIR:-}$libdir/pkgconfig"
sed -e "s|@prefix@|$prefix|; s|@libdir@|$libdir|; s|@includedir@|$includedir|; s|@version@|$version|" \
	"$here/libsam.pc.in" >"${DESTDIR:-}$libdir/pkgconfig/libsam.pc"
